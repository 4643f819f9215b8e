-- Grain: one row, counties and industries whose level was judged; those of an unknown month are not.
SELECT
    'judged' AS row_key,
    count(area_level) AS judged_count
FROM out.area
WHERE (area_kind = '县区' AND county_code = $county) OR ($county::VARCHAR IS NULL AND area_kind IN ('县区', '行业'))
