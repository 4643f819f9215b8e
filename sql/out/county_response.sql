-- Grain: one row per county with a listed case, or with one that a visit refuted tonight.
SELECT * FROM edition.county_response
WHERE $county_code IS NULL OR county_code = $county_code
