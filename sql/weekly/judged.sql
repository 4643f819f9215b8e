-- Grain: one row, counties and industries whose level was judged (the county and its industries at a level, where one is asked for): those
-- at a level, and those at none whose month is known.
SELECT
    'judged' AS row_key,
    count(*) FILTER (area_level <> '无' OR (area_level = '无' AND (area_loss_persons IS NOT NULL OR large_event_count > 0)))
        AS judged_count
FROM out.area
WHERE
    (area_kind = '县区' AND county_code = $county)
    OR (area_kind = '县区行业' AND county_code = $county AND area_level <> '无')
    OR ($county::VARCHAR IS NULL AND area_kind IN ('县区', '行业'))
