-- Grain: one row, counties and industries whose level was judged: those at a level, and those at none whose month is known; and those at none
-- whose month is not.
SELECT
    'judged' AS row_key,
    count(*) FILTER (area_level <> '无' OR (area_level = '无' AND (area_loss_persons IS NOT NULL OR large_event_count > 0)))
        AS judged_count,
    count(*) FILTER (area_level = '无' AND area_loss_persons IS NULL AND coalesce(large_event_count, 0) = 0) AS unjudged_count
FROM out.area
WHERE area_kind IN ('县区', '行业')
