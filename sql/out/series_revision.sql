-- Grain: one row per series, area and month whose level the previous edition published otherwise. Left out of a county's file: others, and the city's.
SELECT * FROM outlook.series_revision
WHERE $county_code IS NULL OR (area_kind = '县区' AND area_code = $county_code)
