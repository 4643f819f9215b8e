-- Grain: one row per required source. Its rows as known at the cutoff.
SELECT
    feed_label AS subject,
    feed AS source,
    row_count AS metric,
    row_count,
    0 AS bad_row_count,
    CASE WHEN row_count = 0 THEN '没有收到' || feed_label ELSE '共' || row_count || '行' END AS observed_text
FROM core.source_status
WHERE is_required
ORDER BY feed
