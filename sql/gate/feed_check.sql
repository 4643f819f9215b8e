-- Grain: one row per feed and check, over the deliveries of the last days before the cutoff. Left out: older deliveries.
SELECT
    c.feed,
    c.check_id,
    min(c.check_sentence) AS check_sentence,
    min(c.severity) AS severity,
    count(DISTINCT c.batch) AS file_count,
    sum(c.row_count)::BIGINT AS row_count,
    sum(c.bad_row_count)::BIGINT AS bad_row_count
FROM ingest.check_count AS c
INNER JOIN ingest.delivery AS d USING (delivery_no)
WHERE d.received_at >= $cutoff - to_days($gate_recent_days)
GROUP BY c.feed, c.check_id
ORDER BY c.feed, bad_row_count DESC, c.check_id
