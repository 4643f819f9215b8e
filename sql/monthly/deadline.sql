-- Grain: one row per step or service of the response plan and last day that lies ahead, of orders that are neither done nor late.
SELECT
    o.task_name || '/' || o.due_on AS row_key,
    o.task_name,
    o.due_on,
    count(*) AS order_count,
    bool_or(o.is_due_estimated) AS is_due_estimated
FROM out.work_order AS o
CROSS JOIN out.edition AS e
WHERE o.done_on IS NULL AND o.due_on >= e.as_of
GROUP BY o.task_name, o.due_on
ORDER BY o.due_on, o.task_name
