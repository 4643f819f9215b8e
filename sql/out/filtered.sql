-- Grain: one row per triggered enterprise that a filter keeps off the list.
SELECT * FROM edition.filtered
WHERE $county_code IS NULL OR county_code = $county_code
