-- Grain: one row per county with a case and one for the city (or the county asked for): the list as it is, what was answered, what
-- is late and what falls due within seven days, today included.
WITH place AS (
    SELECT DISTINCT county_code AS area_code, county_name AS area_name FROM out.county_industry_month
    UNION SELECT county_code, county_name FROM out.warning
    UNION SELECT '全市', '全市'
),
warned AS (
    SELECT *, county_code AS area_code FROM out.warning
    UNION ALL SELECT *, '全市' FROM out.warning
),
ordered AS (
    SELECT *, county_code AS area_code FROM out.work_order
    UNION ALL SELECT *, '全市' FROM out.work_order
),
listed AS (
    SELECT
        area_code,
        count(*) AS case_count,
        count(*) FILTER (colour = '红') AS red_count,
        count(*) FILTER (colour = '橙') AS orange_count,
        count(*) FILTER (colour = '黄') AS yellow_count,
        count(*) FILTER (colour = '蓝') AS blue_count,
        count(*) FILTER (case_state <> '待核实') AS answered_count,
        count(*) FILTER (case_state = '待核实') AS outstanding_count,
        count(*) FILTER (case_state = '帮扶中') AS helped_count,
        count(*) FILTER (case_state IN ('稳定', '转化')) AS settled_count
    FROM warned
    GROUP BY area_code
),
given AS (
    SELECT
        o.area_code,
        count(*) FILTER (o.order_state = '逾期') AS late_order_count,
        count(*) FILTER (o.done_on IS NULL AND o.due_on BETWEEN e.as_of AND e.as_of + 6) AS due_order_count
    FROM ordered AS o
    CROSS JOIN out.edition AS e
    GROUP BY o.area_code
)
SELECT
    p.area_code AS row_key,
    p.area_name,
    coalesce(l.case_count, 0) AS case_count,
    coalesce(l.red_count, 0) AS red_count,
    coalesce(l.orange_count, 0) AS orange_count,
    coalesce(l.yellow_count, 0) AS yellow_count,
    coalesce(l.blue_count, 0) AS blue_count,
    coalesce(l.answered_count, 0) AS answered_count,
    coalesce(l.outstanding_count, 0) AS outstanding_count,
    coalesce(l.helped_count, 0) AS helped_count,
    coalesce(l.settled_count, 0) AS settled_count,
    coalesce(g.late_order_count, 0) AS late_order_count,
    coalesce(g.due_order_count, 0) AS due_order_count
FROM place AS p
LEFT JOIN listed AS l USING (area_code)
LEFT JOIN given AS g USING (area_code)
WHERE $county::VARCHAR IS NULL OR p.area_code = $county
ORDER BY p.area_code = '全市', late_order_count DESC, due_order_count DESC, p.area_code
