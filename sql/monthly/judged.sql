-- Grain: one row, counties and industries whose level was judged; of a month that is not known, none is.
SELECT
    'judged' AS row_key,
    count(area_level) AS judged_count
FROM out.area
WHERE area_kind IN ('县区', '行业')
