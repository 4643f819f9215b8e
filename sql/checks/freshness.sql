-- Grain: one row per source that ever came, or per required one of them. How many months it lies behind what is due at
-- the cutoff.
SELECT
    feed_label AS subject,
    feed AS source,
    months_behind AS metric,
    row_count,
    0 AS bad_row_count,
    '最新为' || strftime(latest_month, '%Y年%m月') || '，滞后' || months_behind || '个月' AS observed_text
FROM core.source_status
WHERE months_behind IS NOT NULL AND (is_required OR NOT $is_required_only)
ORDER BY feed
