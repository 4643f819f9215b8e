-- Grain: one row per county, industry division and month: what was lost against the month before, and from what staff, of
-- enterprises known in both; absence from a complete month is a staff of zero. Left out: labour agencies, and months that, or
-- whose month before, were incomplete.
WITH placed AS (
    SELECT
        enterprise_no,
        coalesce(county_code, '000000') AS county_code,
        coalesce(industry_division, '00') AS industry_division
    FROM core.enterprise
    WHERE NOT coalesce(is_labour_agency, false)
),
span AS (
    SELECT month FROM core.month_status
    WHERE is_complete_month AND month BETWEEN $reference_month::DATE - to_months($months::INTEGER) AND $reference_month
),
known AS (
    SELECT m.enterprise_no, m.month, m.insured_persons
    FROM core.enterprise_month AS m
    INNER JOIN span USING (month)
    INNER JOIN placed USING (enterprise_no)
),
paired AS (
    SELECT
        coalesce(a.enterprise_no, b.enterprise_no) AS enterprise_no,
        coalesce(a.month, (b.month + INTERVAL 1 MONTH)::DATE) AS month,
        coalesce(b.insured_persons, 0) AS staff_before,
        coalesce(a.insured_persons, 0) AS staff
    FROM known AS a
    FULL JOIN known AS b ON a.enterprise_no = b.enterprise_no AND a.month = b.month + INTERVAL 1 MONTH
)
SELECT
    p.month,
    g.county_code,
    g.industry_division,
    sum(p.staff_before - p.staff)::BIGINT AS area_loss_persons,
    sum(p.staff_before)::BIGINT AS staff_before
FROM paired AS p
INNER JOIN placed AS g USING (enterprise_no)
INNER JOIN span AS s ON s.month = p.month
INNER JOIN span AS q ON q.month = p.month - INTERVAL 1 MONTH
ANTI JOIN core.unknown_month AS u ON u.enterprise_no = p.enterprise_no AND u.month = p.month
ANTI JOIN core.unknown_month AS v ON v.enterprise_no = p.enterprise_no AND v.month = p.month - INTERVAL 1 MONTH
GROUP BY ALL
ORDER BY ALL
