-- Grain: one row per insurance unit, enterprise and start of the link; the latest word of each. A name leads a unit to an
-- enterprise only where no row of the unit gives a code.
WITH coded AS (
    SELECT DISTINCT unit_no FROM raw.insured_unit WHERE enterprise_id IS NOT NULL AND NOT is_retracted
),
told AS (
    SELECT r.* REPLACE (coalesce(r.enterprise_id, n.enterprise_id) AS enterprise_id),
        CASE WHEN r.enterprise_id IS NULL THEN n.link_method ELSE '对照' END AS link_method
    FROM raw.insured_unit AS r
    LEFT JOIN core.name_link AS n USING (name_key)
    WHERE r.enterprise_id IS NOT NULL OR r.unit_no NOT IN (SELECT unit_no FROM coded)
)
SELECT
    u.unit_no,
    e.enterprise_no,
    u.unit_kind,
    u.county_code,
    u.valid_from,
    u.valid_to,
    u.link_method
FROM told AS u
INNER JOIN core.enterprise AS e USING (enterprise_id)
QUALIFY row_number() OVER (
    PARTITION BY u.unit_no, e.enterprise_no, u.valid_from
    ORDER BY u.known_at DESC, u.delivery_no DESC, u.is_retracted, u.line_no
) = 1 AND NOT u.is_retracted
ORDER BY u.unit_no, e.enterprise_no, u.valid_from
