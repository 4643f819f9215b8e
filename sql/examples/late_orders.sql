-- Grain: one row per county with a listed case; orders that no visit can tell of are counted apart, they are never late.
-- 问：各县区有多少工单逾期，最早的是哪天到期？
-- Question: how many orders of each county are late, and when was the oldest due?
SELECT
    county_name,
    count(*) AS orders,
    count(*) FILTER (WHERE order_state = '逾期') AS late_orders,
    count(*) FILTER (WHERE order_state = '由责任单位登记') AS left_to_the_department,
    min(due_on) FILTER (WHERE order_state = '逾期') AS oldest_due_on
FROM out.work_order
GROUP BY county_name
ORDER BY county_name
