-- Grain: one row per listed enterprise, or per listed enterprise of one county.
SELECT * FROM edition.warning
WHERE $county_code IS NULL OR county_code = $county_code
