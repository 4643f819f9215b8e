-- Grain: one row per county and industry division with an enterprise in red or orange, and per county or industry at a level. Left out of a county's file: others'.
SELECT * FROM outlook.fair
WHERE $county_code IS NULL OR county_code = $county_code
