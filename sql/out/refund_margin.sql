-- Grain: one row per enterprise insured in the reference month, and per listed one.
SELECT a.*
FROM edition.refund_margin AS a
INNER JOIN core.enterprise AS e USING (enterprise_no)
WHERE $county_code IS NULL OR coalesce(e.county_code, '000000') = $county_code
