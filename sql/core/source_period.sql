-- Grain: one row per feed and month of which a row was known before the cutoff. Left out: rows without a period.
SELECT
    d.feed,
    date_trunc('month', p.period_on)::DATE AS month,
    min(p.known_at) AS first_known_at,
    max(p.known_at) AS latest_known_at,
    count(DISTINCT p.delivery_no)::BIGINT AS delivery_count,
    sum(p.row_count)::BIGINT AS landed_count
FROM ingest.delivery_period AS p
INNER JOIN ingest.delivery AS d USING (delivery_no)
WHERE p.period_on IS NOT NULL AND p.row_count > 0
GROUP BY d.feed, month
ORDER BY d.feed, month
