-- Grain: one row per enterprise with features ($numbers: only these), what the rules and the models read; in no order
-- by itself (pipelines/inputs.py).
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
