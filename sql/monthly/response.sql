-- Grain: one row per county with cases and one for the city: what came back and what is late.
WITH spread AS (
    SELECT county_code AS area_code, county_name AS area_name, * FROM out.county_response
    UNION ALL SELECT '全市', '全市', * FROM out.county_response
)
SELECT
    area_code AS row_key,
    area_name,
    sum(case_count)::BIGINT AS case_count,
    sum(answered_count)::BIGINT AS answered_count,
    sum(late_case_count)::BIGINT AS late_case_count,
    sum(late_order_count)::BIGINT AS late_order_count,
    sum(done_order_count)::BIGINT AS done_order_count,
    sum(verified_count)::BIGINT AS verified_count,
    sum(verified_count - false_alarm_count)::BIGINT AS true_count,
    sum(false_alarm_count)::BIGINT AS false_alarm_count,
    sum(helped_count)::BIGINT AS helped_count,
    sum(closed_case_count)::BIGINT AS closed_case_count,
    sum(closed_visited_count)::BIGINT AS closed_visited_count,
    sum(closed_true_count)::BIGINT AS closed_true_count
FROM spread
GROUP BY area_code, area_name
ORDER BY late_order_count DESC, area_code
