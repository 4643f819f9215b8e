-- Grain: one row per county with a listed case, or with one that left the list within the months that such a case is remembered.
SELECT * FROM edition.county_response
WHERE $county_code IS NULL OR county_code = $county_code
