-- Grain: one row per task and department with orders that are late: how many, since when the oldest, and of which cases; the oldest
-- first. For the city the counties of one task are told together, after the department.
WITH placed AS (
    SELECT
        *,
        CASE WHEN $county::VARCHAR IS NULL THEN replace(responsible_text, county_name, '县区') ELSE responsible_text END
            AS department_text
    FROM out.work_order
    WHERE order_state = '逾期' AND ($county::VARCHAR IS NULL OR county_code = $county)
)
SELECT
    row_number() OVER (ORDER BY min(due_on), task_name, department_text)::VARCHAR AS row_key,
    task_name,
    department_text
    || CASE
        WHEN $county::VARCHAR IS NULL
            THEN '（' || array_to_string(list(DISTINCT county_name ORDER BY county_name), '、') || '）'
        ELSE ''
    END AS responsible_text,
    count(*) AS order_count,
    min(due_on) AS oldest_due_on,
    arg_min(is_due_estimated, due_on) AS is_due_estimated,
    array_to_string(list(DISTINCT warning_no ORDER BY warning_no)[:3], '、')
    || CASE WHEN count(DISTINCT warning_no) > 3 THEN '等' ELSE '' END AS cases_text,
    count(*) OVER () AS total_count
FROM placed
GROUP BY task_name, department_text
ORDER BY oldest_due_on, task_name, department_text
