-- Grain: one row per visit that answers a case of the previous edition, or meant to.
SELECT * FROM edition.visit_answer
WHERE $county_code IS NULL OR county_code = $county_code
