-- Grain: one row per enterprise and month, as known at the cutoff.
SELECT * FROM core.enterprise_month
WHERE
    $county_code IS NULL
    OR enterprise_no IN (
        SELECT enterprise_no FROM core.enterprise WHERE coalesce(county_code, '000000') = $county_code
    )
