-- Grain: one row per scored enterprise. Points are no probability; the probability is null while they lead.
SELECT s.*, e.enterprise_id
FROM risk.score AS s
INNER JOIN core.enterprise AS e USING (enterprise_no)
WHERE $county_code IS NULL OR coalesce(e.county_code, '000000') = $county_code
