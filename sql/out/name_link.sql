-- Grain: one row per name, county and address, as departments wrote them without a code, that led to an enterprise.
SELECT
    n.* EXCLUDE (county_code),
    e.enterprise_no
FROM core.name_link AS n
INNER JOIN core.enterprise AS e USING (enterprise_id)
WHERE $county_code IS NULL OR coalesce(e.county_code, '000000') = $county_code
