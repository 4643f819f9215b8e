-- Grain: one row per enterprise, month, HS6, destination and role of the window. In order of enterprise only: what is
-- made of the rows of one is sums of integers.
SELECT
    enterprise_no,
    year(month) * 12 + month(month) - 1 AS ordinal,
    hs6,
    destination,
    coalesce(declarant_role = '生产销售单位', false) AS is_made,
    export_usd_cent
FROM core.export_month
WHERE enterprise_no BETWEEN $first_no AND $last_no AND month BETWEEN $first_month AND $last_month
ORDER BY enterprise_no
