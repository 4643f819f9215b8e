-- Grain: one row per enterprise and month of which the insurance is not known: a row of a unit lies in quarantine or was
-- taken back, or a county that insures it is short of rows and the enterprise is absent or has fewer units than in the six months before.
-- Left out: enterprises of a short county that are there with all their units.
WITH doubted AS (
    SELECT u.enterprise_no, q.month, q.unknown_cause
    FROM ingest.unknown_unit_month AS q
    INNER JOIN core.insured_unit AS u USING (unit_no)
    UNION ALL
    SELECT c.enterprise_no, s.month, NULL
    FROM core.county_month AS s
    INNER JOIN core.insured_county AS c USING (county_code)
    WHERE NOT s.is_complete_month
),
candidate AS (
    SELECT enterprise_no, month, min(unknown_cause) AS unit_cause
    FROM doubted
    GROUP BY enterprise_no, month
),
before AS (
    SELECT c.enterprise_no, c.month, max(m.unit_count) AS unit_count
    FROM candidate AS c
    INNER JOIN core.enterprise_month AS m
        ON c.enterprise_no = m.enterprise_no AND m.month < c.month AND m.month >= c.month - to_months(6)
    GROUP BY c.enterprise_no, c.month
)
SELECT
    c.enterprise_no,
    c.month,
    coalesce(c.unit_cause, '县区缺报') AS unknown_cause,
    coalesce(m.unit_count < b.unit_count, false) AS is_partial
FROM candidate AS c
LEFT JOIN core.enterprise_month AS m USING (enterprise_no, month)
LEFT JOIN before AS b USING (enterprise_no, month)
WHERE c.unit_cause IS NOT NULL OR m.enterprise_no IS NULL OR m.unit_count < b.unit_count
ORDER BY c.enterprise_no, c.month
