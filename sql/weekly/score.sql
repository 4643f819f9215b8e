-- Grain: one row per county and one for the city (or the county asked for). Answered in time: of the steps of listed cases that a
-- visit or a record can tell and that are done or late, those done by their last day. Hit rate: of the cases of the list and of those that left it within
-- the remembered months whose visit found something, those found true, helped or ended. Null where there is none to divide by.
WITH step AS (
    SELECT county_code, order_state FROM out.work_order
    WHERE order_kind = '处置步骤' AND order_state IN ('按期完成', '逾期完成', '逾期')
),
found AS (
    SELECT county_code, case_state FROM out.warning
    UNION ALL SELECT county_code, case_state FROM out.closed_case
),
place AS (
    SELECT county_code, min(county_name) AS area_name FROM (
        SELECT county_code, county_name FROM out.warning
        UNION SELECT county_code, county_name FROM out.closed_case
    )
    GROUP BY county_code
    UNION ALL SELECT '全市', '全市'
),
steps AS (
    SELECT
        p.county_code,
        count(s.order_state) AS judged_order_count,
        count(*) FILTER (s.order_state = '按期完成') AS timely_order_count
    FROM place AS p
    LEFT JOIN step AS s ON p.county_code IN ('全市', s.county_code)
    GROUP BY p.county_code
),
hits AS (
    SELECT
        p.county_code,
        count(*) FILTER (f.case_state NOT IN ('待核实', '核实中', '解除')) AS found_case_count,
        count(*) FILTER (f.case_state IN ('属实', '帮扶中', '稳定', '转化', '已裁员')) AS true_case_count
    FROM place AS p
    LEFT JOIN found AS f ON p.county_code IN ('全市', f.county_code)
    GROUP BY p.county_code
)
SELECT
    p.county_code AS row_key,
    p.area_name,
    s.judged_order_count,
    s.timely_order_count,
    s.timely_order_count / nullif(s.judged_order_count, 0) AS timely_ratio,
    h.found_case_count,
    h.true_case_count,
    h.true_case_count / nullif(h.found_case_count, 0) AS hit_ratio
FROM place AS p
INNER JOIN steps AS s USING (county_code)
INNER JOIN hits AS h USING (county_code)
WHERE $county::VARCHAR IS NULL OR p.county_code = $county
ORDER BY p.county_code = '全市', p.county_code
