-- Grain: one row per last day within seven days (today included), task and department: orders that nobody has done yet and of which cases.
-- For the city the counties of one task are told together, after the department.
WITH placed AS (
    SELECT
        o.*,
        CASE WHEN $county::VARCHAR IS NULL THEN replace(o.responsible_text, o.county_name, '县区') ELSE o.responsible_text END
            AS department_text
    FROM out.work_order AS o
    CROSS JOIN out.edition AS e
    WHERE
        o.done_on IS NULL
        AND o.due_on BETWEEN e.as_of AND e.as_of + 6
        AND ($county::VARCHAR IS NULL OR o.county_code = $county)
)
SELECT
    due_on || '/' || task_name || '/' || department_text AS row_key,
    due_on,
    task_name,
    department_text
    || CASE
        WHEN $county::VARCHAR IS NULL
            THEN '（' || array_to_string(list(DISTINCT county_name ORDER BY county_name), '、') || '）'
        ELSE ''
    END AS responsible_text,
    count(*) AS order_count,
    bool_or(is_due_estimated) AS is_due_estimated,
    array_to_string(list(DISTINCT warning_no ORDER BY warning_no)[:3], '、')
    || CASE WHEN count(DISTINCT warning_no) > 3 THEN '等' ELSE '' END AS cases_text,
    count(*) OVER () AS total_count
FROM placed
GROUP BY due_on, task_name, department_text
ORDER BY due_on, task_name, department_text
