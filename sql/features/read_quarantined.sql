-- Grain: one row per enterprise and month of the window of which the insurance is not known.
SELECT
    enterprise_no,
    year(month) * 12 + month(month) - 1 AS ordinal
FROM core.unknown_month
WHERE enterprise_no BETWEEN $first_no AND $last_no AND month BETWEEN $first_month AND $last_month
ORDER BY enterprise_no, month
