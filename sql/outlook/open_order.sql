-- Grain: one row per order that nobody has done yet.
SELECT order_no, county_code FROM edition.work_order
WHERE done_on IS NULL
ORDER BY order_no
