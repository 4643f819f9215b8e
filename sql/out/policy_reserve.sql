-- Grain: one row per instrument for the city, and per county where data tell enterprises apart. Left out of a county's file: others'.
SELECT * FROM outlook.policy_reserve
WHERE $county_code IS NULL OR county_code = $county_code
