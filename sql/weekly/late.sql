-- Grain: one row per task and department with orders that are late: how many, since when the oldest, and of which cases; the oldest first.
SELECT
    row_number() OVER (ORDER BY min(due_on), task_name, responsible_text)::VARCHAR AS row_key,
    task_name,
    responsible_text,
    count(*) AS order_count,
    min(due_on) AS oldest_due_on,
    min(escalation_text) AS escalation_text,
    array_to_string(list(DISTINCT warning_no ORDER BY warning_no)[:3], '、')
    || CASE WHEN count(DISTINCT warning_no) > 3 THEN '等' ELSE '' END AS cases_text,
    count(*) OVER () AS total_count
FROM out.work_order
WHERE order_state = '逾期' AND ($county::VARCHAR IS NULL OR county_code = $county)
GROUP BY task_name, responsible_text
ORDER BY oldest_due_on, task_name, responsible_text
