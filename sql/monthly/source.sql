-- Grain: one row per source: how far its data reach and how many rows were set apart.
SELECT
    feed AS row_key,
    feed_label,
    owner,
    is_required,
    source_state,
    latest_month,
    latest_known_at,
    row_count,
    quarantined_count,
    refused_count
FROM out.source_status
ORDER BY NOT is_required, feed
