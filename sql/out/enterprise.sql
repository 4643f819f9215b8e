-- Grain: one row per enterprise, with the figures of the reference month that analysts ask for first.
SELECT
    e.* EXCLUDE (county_code),
    coalesce(e.county_code, '000000') AS county_code,
    coalesce(c.county_name, '未知县区') AS county_name,
    f.* EXCLUDE (enterprise_no)
FROM core.enterprise AS e
LEFT JOIN edition.county AS c ON c.county_code = coalesce(e.county_code, '000000')
LEFT JOIN features.enterprise AS f ON f.enterprise_no = e.enterprise_no
WHERE $county_code IS NULL OR coalesce(e.county_code, '000000') = $county_code
