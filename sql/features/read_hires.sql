-- Grain: one row per enterprise that hired persons of a promoted group and month of the window, all groups together.
SELECT
    enterprise_no,
    year(month) * 12 + month(month) - 1 AS ordinal,
    sum(group_hired_persons)::BIGINT AS group_hired_persons
FROM core.hire_group_month
WHERE
    enterprise_no BETWEEN $first_no AND $last_no
    AND month BETWEEN $first_month AND $last_month
GROUP BY enterprise_no, month
ORDER BY enterprise_no, month
