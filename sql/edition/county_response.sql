-- Grain: one row per county that has a listed case tonight, or a remembered one that left the list: what was answered, what
-- is late, what was verified. Left out: other counties, and cases that left before the months that are remembered.
WITH
listed AS (
    SELECT
        county_code,
        min(county_name) AS county_name,
        count(*) AS case_count,
        count(*) FILTER (case_state <> '待核实') AS answered_count,
        count(*) FILTER (case_state NOT IN ('待核实', '核实中')) AS true_count,
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
refuted AS (
    SELECT v.county_code, min(v.county_name) AS county_name, count(DISTINCT v.enterprise_id) AS false_alarm_count
    FROM edition.visit_answer AS v
    INNER JOIN edition.warning_change AS c USING (enterprise_id)
    WHERE v.is_false_alarm AND c.change_kind = '解除' AND c.change_cause = '核实'
    GROUP BY v.county_code
),
closed AS (
    SELECT
        county_code,
        min(county_name) AS county_name,
        count(*) AS closed_case_count,
        count(*) FILTER (case_state <> '待核实') AS closed_visited_count,
        count(*) FILTER (case_state NOT IN ('待核实', '核实中', '不属实')) AS closed_true_count
    FROM edition.closed_case
    GROUP BY county_code
)
SELECT
    $edition_id AS edition_id,
    county_code,
    coalesce(l.county_name, v.county_name, g.county_name) AS county_name,
    coalesce(l.case_count, 0) AS case_count,
    coalesce(l.answered_count, 0) AS answered_count,
    coalesce(o.late_case_count, 0) AS late_case_count,
    coalesce(o.late_order_count, 0) AS late_order_count,
    coalesce(o.done_order_count, 0) AS done_order_count,
    coalesce(l.true_count, 0) + coalesce(v.false_alarm_count, 0) AS verified_count,
    coalesce(v.false_alarm_count, 0) AS false_alarm_count,
    coalesce(l.helped_count, 0) AS helped_count,
    coalesce(g.closed_case_count, 0) AS closed_case_count,
    coalesce(g.closed_visited_count, 0) AS closed_visited_count,
    coalesce(g.closed_true_count, 0) AS closed_true_count
FROM listed AS l
FULL JOIN ordered AS o USING (county_code)
FULL JOIN refuted AS v USING (county_code)
FULL JOIN closed AS g USING (county_code)
