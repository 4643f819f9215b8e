-- Grain: one row per source that is not as it should be, required ones first.
SELECT
    feed AS row_key,
    feed_label,
    owner,
    source_state,
    latest_month,
    is_required,
    count(*) OVER () AS total_count
FROM out.source_status
WHERE source_state <> '正常'
ORDER BY NOT is_required, feed
