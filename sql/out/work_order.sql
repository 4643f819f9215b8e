-- Grain: one row per listed case and step or service that the response plan asks for at its colour.
SELECT * FROM edition.work_order
WHERE $county_code IS NULL OR county_code = $county_code
