-- Grain: one row per enterprise and instrument that is within its days and for which data tell enterprises apart.
SELECT a.*
FROM edition.policy_answer AS a
INNER JOIN core.enterprise AS e USING (enterprise_no)
WHERE $county_code IS NULL OR coalesce(e.county_code, '000000') = $county_code
