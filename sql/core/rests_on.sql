-- Grain: one row per feed and month. Changes when a delivery that speaks of the month comes, goes or is dated otherwise;
-- a batch never changes, so no row is read to learn it.
SELECT
    d.feed,
    date_trunc('month', p.period_on)::DATE AS month,
    bit_xor(hash(d.batch, p.delivery_no, p.period_on, p.known_at, p.row_count)) AS rests_on,
    sum(p.row_count)::BIGINT AS row_count
FROM ingest.delivery_period AS p
INNER JOIN ingest.delivery AS d USING (delivery_no)
WHERE p.period_on IS NOT NULL AND p.row_count > 0
GROUP BY d.feed, month
ORDER BY d.feed, month
