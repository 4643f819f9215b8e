-- Grain: one row per county and window of $horizon months in the year up to the reference month: persons lost by
-- enterprises that had the event which the model foresees. Left out: windows with an incomplete month at either end, labour
-- agencies, enterprises whose staff of either month is not known; absence from a complete month is a staff of zero.
WITH span AS (
    SELECT
        ($reference_month::DATE - to_months((g.place * $horizon)::INTEGER))::DATE AS month,
        ($reference_month::DATE - to_months(((g.place - 1) * $horizon)::INTEGER))::DATE AS month_later
    FROM generate_series(1, 12 // $horizon) AS g (place)
),
known AS (
    SELECT s.*
    FROM span AS s
    INNER JOIN core.month_status AS a ON a.month = s.month AND a.is_complete_month
    INNER JOIN core.month_status AS b ON b.month = s.month_later AND b.is_complete_month
)
SELECT
    coalesce(e.county_code, '000000') AS county_code,
    k.month,
    sum(a.insured_persons - coalesce(b.insured_persons, 0)) FILTER (
        a.insured_persons - coalesce(b.insured_persons, 0) >= $event_persons
        OR (
            a.insured_persons >= $event_base AND a.insured_persons > coalesce(b.insured_persons, 0)
            AND (a.insured_persons - coalesce(b.insured_persons, 0)) * 100 >= $event_pct * a.insured_persons
        )
    )::BIGINT AS lost_persons
FROM known AS k
INNER JOIN core.enterprise_month AS a ON a.month = k.month
INNER JOIN core.enterprise AS e USING (enterprise_no)
LEFT JOIN core.enterprise_month AS b ON b.enterprise_no = a.enterprise_no AND b.month = k.month_later
ANTI JOIN core.unknown_month AS u ON u.enterprise_no = a.enterprise_no AND u.month = k.month
ANTI JOIN core.unknown_month AS v ON v.enterprise_no = a.enterprise_no AND v.month = k.month_later
WHERE NOT coalesce(e.is_labour_agency, false)
GROUP BY ALL
ORDER BY ALL
