-- Grain: one row per county with a listed case, or a visit of a case of the previous edition.
SELECT * FROM edition.county_response
WHERE $county_code IS NULL OR county_code = $county_code
