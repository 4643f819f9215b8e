-- Grain: one row per thing to do about a county or an industry that is at a level and nobody recorded as done, the oldest first.
SELECT
    o.order_no AS row_key,
    concat(o.county_name, o.industry_name) AS area_name,
    o.area_level,
    o.task_text,
    o.responsible_text,
    o.due_on,
    CASE WHEN o.due_on < e.as_of THEN '已过期限，未登记完成' ELSE '未登记完成' END AS state_text,
    count(*) OVER () AS total_count
FROM out.area_order AS o
CROSS JOIN out.edition AS e
WHERE o.done_on IS NULL
ORDER BY o.due_on, o.order_no
