-- Grain: one row per enterprise of the bucket with a power account and month of the window.
SELECT
    enterprise_no,
    year(month) * 12 + month(month) - 1 AS ordinal,
    power_kwh,
    is_power_reduced::BIGINT AS is_power_reduced,
    unpaid_power_fen
FROM core.power_month
WHERE
    enterprise_no BETWEEN $first_no AND $last_no
    AND month BETWEEN $first_month AND $last_month
