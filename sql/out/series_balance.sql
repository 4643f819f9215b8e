-- Grain: one row per stock and county, and one for the city. Left out of a county's file: others, and the city's.
SELECT * FROM outlook.series_balance
WHERE $county_code IS NULL OR area_code = $county_code
