-- Grain: one row per county that has a listed case tonight, or a visit that counts of a case of the previous edition:
-- what was answered, what is late, what was verified. A case that a visit refuted tonight is no longer listed; it counts
-- as verified. Left out: counties with neither.
WITH
listed AS (
    SELECT
        county_code,
        min(county_name) AS county_name,
        count(*) AS case_count,
        count(*) FILTER (case_state <> '待核实') AS answered_count,
        count(*) FILTER (case_state IN ('帮扶中', '稳定', '转化')) AS helped_count
    FROM edition.warning
    GROUP BY county_code
),
ordered AS (
    SELECT
        county_code,
        count(DISTINCT warning_no) FILTER (order_state = '逾期') AS late_case_count,
        count(*) FILTER (order_state = '逾期') AS late_order_count,
        count(*) FILTER (order_state IN ('按期完成', '逾期完成')) AS done_order_count
    FROM edition.work_order
    GROUP BY county_code
),
visited AS (
    SELECT
        county_code,
        min(county_name) AS county_name,
        count(*) FILTER (is_false_alarm IS NOT NULL) AS verified_count,
        count(*) FILTER (is_false_alarm) AS false_alarm_count
    FROM edition.visit_answer
    WHERE answer_state = '已采纳'
    GROUP BY county_code
)
SELECT
    $edition_id AS edition_id,
    county_code,
    coalesce(l.county_name, v.county_name) AS county_name,
    coalesce(l.case_count, 0) AS case_count,
    coalesce(l.answered_count, 0) AS answered_count,
    coalesce(o.late_case_count, 0) AS late_case_count,
    coalesce(o.late_order_count, 0) AS late_order_count,
    coalesce(o.done_order_count, 0) AS done_order_count,
    coalesce(v.verified_count, 0) AS verified_count,
    coalesce(v.false_alarm_count, 0) AS false_alarm_count,
    coalesce(l.helped_count, 0) AS helped_count
FROM listed AS l
FULL JOIN ordered AS o USING (county_code)
FULL JOIN visited AS v USING (county_code)
