-- Grain: one row per enterprise with an insurance row before the window: the last such row.
SELECT
    enterprise_no,
    max(year(month) * 12 + month(month) - 1) AS ordinal,
    arg_max(insured_persons, month) AS insured_persons
FROM core.enterprise_month
WHERE enterprise_no BETWEEN $first_no AND $last_no AND month < $first_month
GROUP BY enterprise_no
ORDER BY enterprise_no
