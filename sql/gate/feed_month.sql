-- Grain: one row per feed and month that good rows of it speak of. Left out: rows without a period. A batch counts once.
WITH told AS (
    SELECT d.feed, d.batch, date_trunc('month', p.period_on)::DATE AS month, p.period_on, max(p.row_count) AS row_count
    FROM ingest.delivery_period AS p
    INNER JOIN ingest.delivery AS d USING (delivery_no)
    WHERE p.period_on IS NOT NULL AND p.row_count > 0
    GROUP BY d.feed, d.batch, p.period_on
),
by_batch AS (
    SELECT feed, batch, month, sum(row_count)::BIGINT AS row_count
    FROM told
    GROUP BY feed, batch, month
),
counted AS (
    SELECT
        b.feed,
        b.month,
        CASE WHEN f.feed_cadence = 'monthly' THEN max(b.row_count) ELSE sum(b.row_count)::BIGINT END AS row_count
    FROM by_batch AS b
    INNER JOIN gate.feed AS f USING (feed)
    GROUP BY b.feed, b.month, f.feed_cadence
)
SELECT
    feed,
    month,
    row_count,
    quantile_disc(row_count, 0.5) OVER (PARTITION BY feed ORDER BY month ROWS BETWEEN 6 PRECEDING AND 1 PRECEDING)
        AS expected_row_count
FROM counted
ORDER BY feed, month
