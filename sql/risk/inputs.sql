-- Grain: one row per enterprise with features ($numbers: only these), in order of enterprise_no: what the rules and the
-- models read.
SELECT
    f.*,
    e.enterprise_id,
    e.enterprise_status,
    e.industry_code,
    e.industry_division,
    e.industry_name,
    e.county_code,
    month(f.reference_month)::BIGINT AS reference_month_number
FROM features.enterprise AS f
LEFT JOIN core.enterprise AS e USING (enterprise_no)
WHERE $numbers::BIGINT[] IS NULL OR f.enterprise_no IN (SELECT unnest($numbers::BIGINT[]))
ORDER BY f.enterprise_no
