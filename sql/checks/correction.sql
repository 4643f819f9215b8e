-- Grain: one row per correction in force for the night. Whether it does not fit what the source says now.
SELECT
    '数据更正“' || correction_id || '”（' || feed_label || '）' AS subject,
    feed_label || '的一条数据更正' AS mail_subject,
    feed AS source,
    CASE WHEN correction_state IN ('已采用', '已失效') THEN 0 ELSE 1 END AS metric,
    row_count,
    0 AS bad_row_count,
    observed_text
FROM ingest.correction
ORDER BY correction_id
