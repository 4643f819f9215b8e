-- Grain: one row per county that ever had insurance rows. Recent months in which it is short of rows.
WITH recent AS (
    SELECT * FROM core.county_month
    WHERE month > (SELECT max(month) FROM core.month_status) - to_months($gate_recent_months)
)
SELECT
    county_code,
    '单位月度参保缴费' AS subject,
    'insurance_month' AS source,
    count(*) FILTER (NOT is_complete_month) AS metric,
    sum(row_count)::BIGINT AS row_count,
    coalesce(sum(expected_row_count - row_count) FILTER (NOT is_complete_month), 0)::BIGINT AS bad_row_count,
    coalesce(
        string_agg(
            strftime(month, '%Y年%m月') || row_count || '行，应有约' || expected_row_count || '行', '、' ORDER BY month
        ) FILTER (NOT is_complete_month),
        '各月行数正常'
    ) AS observed_text
FROM recent
GROUP BY county_code
ORDER BY county_code
