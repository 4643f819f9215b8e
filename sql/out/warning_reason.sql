-- Grain: one row per listed enterprise and reason.
SELECT r.*
FROM edition.warning_reason AS r
INNER JOIN edition.warning AS w USING (enterprise_no)
WHERE $county_code IS NULL OR w.county_code = $county_code
