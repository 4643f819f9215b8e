-- Grain: one row per county, per industry division, per both together, and one for the city. Left out of a county's file:
-- other counties, and the city and its industries, which are theirs too.
SELECT * FROM outlook.area
WHERE $county_code IS NULL OR county_code = $county_code
