-- Grain: one row per listed enterprise with a prediction and theme.
SELECT c.*
FROM edition.warning_contribution AS c
INNER JOIN edition.warning AS w USING (enterprise_no)
WHERE $county_code IS NULL OR w.county_code = $county_code
