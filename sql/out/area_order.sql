-- Grain: one row per thing to do about a county or an industry that is at a level. Left out of a county's file: others'.
SELECT * FROM outlook.area_order
WHERE $county_code IS NULL OR county_code = $county_code
