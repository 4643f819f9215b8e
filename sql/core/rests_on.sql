-- Grain: one row per feed and month. Changes when a delivery that speaks of the month comes, goes or is dated otherwise, or
-- when a correction reaches other rows of it; a batch never changes, so no row is read to learn it.
WITH told AS (
    SELECT
        d.feed,
        date_trunc('month', p.period_on)::DATE AS month,
        hash(d.batch, p.delivery_no, p.period_on, p.known_at, p.row_count) AS rests_on,
        p.row_count
    FROM ingest.delivery_period AS p
    INNER JOIN ingest.delivery AS d USING (delivery_no)
    WHERE p.period_on IS NOT NULL AND p.row_count > 0
    UNION ALL
    SELECT
        feed,
        date_trunc('month', period_on)::DATE AS month,
        hash(batch, line_no, column_name, right_text) AS rests_on,
        0 AS row_count
    FROM ingest.correction_row
    WHERE period_on IS NOT NULL
)
SELECT feed, month, bit_xor(rests_on) AS rests_on, sum(row_count)::BIGINT AS row_count
FROM told
GROUP BY feed, month
ORDER BY feed, month
