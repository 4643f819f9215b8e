-- Grain: one row per enterprise and county whose agency insures it. Counties are today's: those of its open units, else
-- of the units that closed last; without a unit's county it is the register's, without any it is 000000.
WITH unit AS (
    SELECT enterprise_no, county_code
    FROM core.insured_unit
    QUALIFY coalesce(valid_to, DATE '9999-12-31')
        = max(coalesce(valid_to, DATE '9999-12-31')) OVER (PARTITION BY enterprise_no)
)
SELECT DISTINCT e.enterprise_no, coalesce(u.county_code, e.county_code, '000000') AS county_code
FROM core.enterprise AS e
LEFT JOIN unit AS u USING (enterprise_no)
ORDER BY e.enterprise_no, county_code
