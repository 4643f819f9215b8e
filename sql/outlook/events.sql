-- Grain: one row per origin month, industry section and size band: enterprises of $least_persons and more, and how many of them
-- had the event that the model foresees within $horizon months. Left out: enterprises whose staff of either month is not
-- known; absence from a complete month is a staff of zero. Transfers are not taken off.
WITH span AS (
    SELECT month, is_complete_month FROM core.month_status
    WHERE month BETWEEN $reference_month::DATE - to_months($months::INTEGER) AND $reference_month
),
known AS (
    SELECT m.enterprise_no, m.month, m.insured_persons
    FROM core.enterprise_month AS m
    INNER JOIN span USING (month)
    ANTI JOIN core.unknown_month AS u ON u.enterprise_no = m.enterprise_no AND u.month = m.month
),
followed AS (
    SELECT
        a.enterprise_no,
        a.month,
        a.insured_persons AS staff,
        CASE WHEN b.month IS NOT NULL THEN b.insured_persons WHEN s.is_complete_month AND u.month IS NULL THEN 0 END AS staff_later
    FROM known AS a
    INNER JOIN span AS s ON s.month = a.month + to_months($horizon::INTEGER)
    LEFT JOIN known AS b ON b.enterprise_no = a.enterprise_no AND b.month = s.month
    LEFT JOIN core.unknown_month AS u ON u.enterprise_no = a.enterprise_no AND u.month = s.month
    WHERE a.insured_persons >= $least_persons
)
SELECT
    f.month,
    coalesce(left(e.industry_code, 1), '?') AS section,
    CASE WHEN f.staff < 20 THEN 0 WHEN f.staff < 50 THEN 1 WHEN f.staff < 250 THEN 2 ELSE 3 END AS size_band,
    count(*) AS enterprises,
    count(*) FILTER (
        f.staff - f.staff_later >= $event_persons
        OR (f.staff >= $event_base AND (f.staff - f.staff_later) * 100 >= $event_pct * f.staff AND f.staff > f.staff_later)
    ) AS events
FROM followed AS f
INNER JOIN core.enterprise AS e USING (enterprise_no)
WHERE f.staff_later IS NOT NULL AND NOT coalesce(e.is_labour_agency, false)
GROUP BY ALL
ORDER BY ALL
