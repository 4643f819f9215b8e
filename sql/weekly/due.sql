-- Grain: one row per last day within seven days (today included), task and department: orders that nobody has done yet and of which cases.
SELECT
    o.due_on || '/' || o.task_name || '/' || o.responsible_text AS row_key,
    o.due_on,
    o.task_name,
    o.responsible_text,
    count(*) AS order_count,
    array_to_string(list(DISTINCT o.warning_no ORDER BY o.warning_no)[:3], '、')
    || CASE WHEN count(DISTINCT o.warning_no) > 3 THEN '等' ELSE '' END AS cases_text,
    count(*) OVER () AS total_count
FROM out.work_order AS o
CROSS JOIN out.edition AS e
WHERE
    o.done_on IS NULL
    AND o.due_on BETWEEN e.as_of AND e.as_of + 7
    AND ($county::VARCHAR IS NULL OR o.county_code = $county)
GROUP BY o.due_on, o.task_name, o.responsible_text
ORDER BY o.due_on, o.task_name, o.responsible_text
