-- Grain: one row per monitored enterprise and month of the window.
SELECT
    enterprise_no,
    year(month) * 12 + month(month) - 1 AS ordinal,
    surveyed_persons,
    hired_persons,
    separated_persons,
    dispatch_persons,
    idle_persons
FROM core.monitor_month
WHERE
    enterprise_no BETWEEN $first_no AND $last_no
    AND month BETWEEN $first_month AND $last_month
ORDER BY enterprise_no, month
