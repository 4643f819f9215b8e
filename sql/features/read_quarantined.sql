-- Grain: one row per enterprise and month of the window with an insurance row in quarantine.
SELECT
    enterprise_no,
    year(month) * 12 + month(month) - 1 AS ordinal
FROM core.quarantined_month
WHERE month BETWEEN $first_month AND $last_month
ORDER BY enterprise_no, month
