-- Grain: one row per enterprise of a county and month: months that changed, and every month of who moved between counties.
WITH member AS (
    SELECT enterprise_no FROM whole.out.enterprise WHERE county_code = $county_code
)
SELECT * FROM whole.out.enterprise_month
WHERE
    month IN (SELECT unnest($months::DATE[]))
    AND enterprise_no IN (SELECT enterprise_no FROM member)
UNION ALL
SELECT * FROM whole.out.enterprise_month
WHERE
    month NOT IN (SELECT unnest($months::DATE[]))
    AND enterprise_no IN (SELECT unnest($moved::BIGINT[]))
    AND enterprise_no IN (SELECT enterprise_no FROM member)
