-- Grain: one row per key enterprise and month of the window; stop_level is 0 as usual, 1 less than usual, 2 stopped.
SELECT
    enterprise_no,
    year(month) * 12 + month(month) - 1 AS ordinal,
    new_orders_fen,
    export_orders_fen,
    capacity_use_bp,
    CASE operation_status WHEN '正常' THEN 0 WHEN '压产' THEN 1 WHEN '停工' THEN 2 END::BIGINT AS stop_level
FROM core.orders_month
WHERE
    enterprise_no BETWEEN $first_no AND $last_no
    AND month BETWEEN $first_month AND $last_month
ORDER BY enterprise_no, month
