-- Grain: one row per source without which an edition is issued all the same. Left out: duties, judged by tariff.sql.
SELECT
    feed_label AS subject,
    feed AS source,
    row_count AS metric,
    row_count,
    0 AS bad_row_count,
    CASE WHEN source_state = '缺失' THEN '缺少：' || feed_label ELSE '共' || row_count || '行' END AS observed_text
FROM core.source_status
WHERE NOT is_required AND feed <> 'tariff_measure'
ORDER BY feed
