-- Grain: one row per enterprise, name, county and address that any delivery gave together; the basis is the strongest.
-- Names that the register gave once and gives no more are former names, which records go on using.
WITH latest AS (
    SELECT enterprise_id, enterprise_name FROM raw.enterprise_register
    QUALIFY row_number() OVER (
        PARTITION BY enterprise_id ORDER BY known_at DESC, delivery_no DESC, is_retracted, line_no
    ) = 1 AND NOT is_retracted
),
told AS (
    SELECT
        r.enterprise_id, r.enterprise_name, r.county_code, r.address,
        CASE WHEN r.enterprise_name = l.enterprise_name THEN '登记名称' ELSE '曾用名' END AS name_basis
    FROM raw.enterprise_register AS r
    INNER JOIN latest AS l USING (enterprise_id)
    WHERE NOT r.is_retracted
    UNION ALL
    SELECT enterprise_id, unit_name, county_code, NULL, '参保单位名称' FROM raw.insured_unit WHERE NOT is_retracted
    UNION ALL
    SELECT enterprise_id, enterprise_name, NULL, NULL, '名录名称' FROM raw.us_exporter_list WHERE NOT is_retracted
),
founded AS (
    SELECT enterprise_id, min(established_on) AS established_on FROM raw.enterprise_register
    WHERE NOT is_retracted GROUP BY enterprise_id
),
owners AS (
    SELECT DISTINCT enterprise_id, true AS has_unit FROM raw.insured_unit
    WHERE enterprise_id IS NOT NULL AND NOT is_retracted
)
SELECT
    enterprise_id,
    enterprise_name,
    county_code,
    address,
    min_by(name_basis, list_position(['登记名称', '曾用名', '参保单位名称', '名录名称'], name_basis)) AS name_basis,
    min(f.established_on) AS established_on,
    coalesce(bool_or(o.has_unit), false) AS has_unit
FROM told
LEFT JOIN founded AS f USING (enterprise_id)
LEFT JOIN owners AS o USING (enterprise_id)
WHERE enterprise_id IS NOT NULL AND enterprise_name IS NOT NULL
GROUP BY enterprise_id, enterprise_name, county_code, address
ORDER BY enterprise_id, enterprise_name, county_code, address
