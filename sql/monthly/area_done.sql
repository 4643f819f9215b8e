-- Grain: one row, the things to do about counties and industries at a level: all, those recorded as done, those past their last day.
SELECT
    'orders' AS row_key,
    count(*) AS order_count,
    count(o.done_on) AS done_order_count,
    count(*) FILTER (WHERE o.done_on IS NULL AND o.due_on < e.as_of) AS late_order_count
FROM out.area_order AS o
CROSS JOIN out.edition AS e
HAVING count(*) > 0
