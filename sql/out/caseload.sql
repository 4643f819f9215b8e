-- Grain: one row per measure and key group for the city, and per county. Left out of a county's file: others'.
SELECT * FROM outlook.caseload
WHERE $county_code IS NULL OR county_code = $county_code
