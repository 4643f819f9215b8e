-- Grain: one row, the county as it was judged, at a level or not; for the city one per county and industry at a level, the gravest first.
SELECT
    concat_ws('/', area_kind, county_code, industry_division) AS row_key,
    area_kind,
    concat(county_name, industry_name) AS area_name,
    coalesce(area_level, '未判定') AS area_level,
    level_change,
    level_text,
    level_since,
    count(*) FILTER (area_level <> '无') OVER () AS total_count
FROM out.area
WHERE
    (area_kind = '县区' AND county_code = $county)
    OR (area_kind = '县区行业' AND county_code = $county AND area_level <> '无')
    OR ($county::VARCHAR IS NULL AND area_kind IN ('县区', '行业', '县区行业') AND area_level <> '无')
ORDER BY list_position(['Ⅰ级', 'Ⅱ级', 'Ⅲ级', 'Ⅳ级', '无'], area_level), row_key
