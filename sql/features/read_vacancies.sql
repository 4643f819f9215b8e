-- Grain: one row per enterprise with posts open and month of the window, all fields together.
SELECT
    enterprise_no,
    year(month) * 12 + month(month) - 1 AS ordinal,
    sum(posts)::BIGINT AS posts
FROM core.vacancy_month
WHERE
    enterprise_no BETWEEN $first_no AND $last_no
    AND month BETWEEN $first_month AND $last_month
GROUP BY enterprise_no, month
ORDER BY enterprise_no, month
