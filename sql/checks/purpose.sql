-- Grain: one row per feed whose use is bounded by an approval. Whether deliveries were left out, or files kept back.
SELECT
    feed_label AS subject,
    feed AS source,
    CASE WHEN unused_count > 0 OR withheld_text IS NOT NULL OR purpose_state = '已到期' THEN 1 ELSE 0 END AS metric,
    0 AS row_count,
    0 AS bad_row_count,
    concat_ws('，',
        CASE purpose_state
            WHEN '已到期' THEN '批准用途已于' || strftime(purpose_until, '%Y年%m月%d日') || '到期'
            WHEN '不得用于预警' THEN '未批准用于监测预警'
            ELSE '在批准范围内'
        END,
        CASE WHEN unused_count > 0 THEN unused_count || '个文件未使用' END,
        '不提供' || withheld_text
    ) AS observed_text
FROM ingest.purpose
WHERE purpose_until IS NOT NULL OR uses_text <> '未知'
ORDER BY feed
