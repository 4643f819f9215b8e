-- Grain: one row per enterprise, with the figures of the reference month that analysts ask for first.
-- Left out of a county's file: the code of a parent that lies in another county.
SELECT
    e.* EXCLUDE (county_code) REPLACE (
        CASE
            WHEN $county_code IS NULL OR p.enterprise_id IS NULL OR coalesce(p.county_code, '000000') = $county_code
                THEN e.parent_enterprise_id
        END AS parent_enterprise_id
    ),
    coalesce(e.county_code, '000000') AS county_code,
    coalesce(c.county_name, '未知县区') AS county_name,
    f.* EXCLUDE (enterprise_no)
FROM core.enterprise AS e
LEFT JOIN core.enterprise AS p ON p.enterprise_id = e.parent_enterprise_id
LEFT JOIN edition.county AS c ON c.county_code = coalesce(e.county_code, '000000')
LEFT JOIN features.enterprise AS f ON f.enterprise_no = e.enterprise_no
WHERE $county_code IS NULL OR coalesce(e.county_code, '000000') = $county_code
