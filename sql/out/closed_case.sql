-- Grain: one row per case that left the list within the months that a closed case is remembered.
SELECT * FROM edition.closed_case
WHERE $county_code IS NULL OR county_code = $county_code
