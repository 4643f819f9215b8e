-- Grain: one row per enterprise that any delivery named before the cutoff. Left out: nothing; an enterprise that only
-- customs knows is an enterprise with its register data missing. Numbers follow first knowledge, so they append.
WITH named AS (
    SELECT enterprise_id, known_at FROM raw.enterprise_register
    UNION ALL SELECT enterprise_id, known_at FROM raw.insured_unit
    UNION ALL SELECT enterprise_id, known_at FROM raw.employment_monitor
    UNION ALL SELECT enterprise_id, known_at FROM raw.customs_export
    UNION ALL SELECT enterprise_id, known_at FROM raw.us_exporter_list
    UNION ALL SELECT enterprise_id, known_at FROM raw.layoff_notice
),
numbered AS (
    SELECT
        enterprise_id,
        min(known_at) AS first_known_at,
        row_number() OVER (ORDER BY min(known_at), enterprise_id) - 1 AS enterprise_no
    FROM named
    WHERE enterprise_id IS NOT NULL
    GROUP BY enterprise_id
),
register AS (
    SELECT * FROM raw.enterprise_register
    QUALIFY row_number() OVER (
        PARTITION BY enterprise_id ORDER BY known_at DESC, delivery_no DESC, is_retracted, line_no
    ) = 1 AND NOT is_retracted
),
unit AS (
    SELECT r.* REPLACE (coalesce(r.enterprise_id, n.enterprise_id) AS enterprise_id)
    FROM raw.insured_unit AS r
    LEFT JOIN core.name_link AS n USING (name_key)
    WHERE coalesce(r.enterprise_id, n.enterprise_id) IS NOT NULL
    QUALIFY row_number() OVER (
        PARTITION BY r.unit_no, coalesce(r.enterprise_id, n.enterprise_id)
        ORDER BY r.known_at DESC, r.delivery_no DESC, r.is_retracted, r.line_no
    ) = 1 AND NOT r.is_retracted
),
unit_summary AS (
    SELECT
        enterprise_id,
        arg_max(county_code, (valid_to IS NULL, known_at, unit_no)) AS county_code,
        arg_max(unit_name, (valid_to IS NULL, known_at, unit_no)) AS unit_name,
        bool_or(coalesce(unit_kind, '普通') <> '普通' AND (valid_to IS NULL OR valid_to > $as_of)) AS is_labour_agency
    FROM unit
    GROUP BY enterprise_id
),
described AS (
    SELECT
        n.enterprise_no,
        n.enterprise_id,
        coalesce(r.enterprise_name, u.unit_name) AS enterprise_name,
        r.enterprise_status,
        r.established_on,
        r.deregistered_on,
        r.industry_code,
        CASE
            WHEN $division_digits THEN nullif(substr(regexp_replace(r.industry_code, '^[A-Z]', ''), 1, 2), '')
            ELSE r.industry_code
        END AS industry_division,
        coalesce(r.county_code, u.county_code) AS county_code,
        r.street_name,
        r.size_class,
        r.parent_enterprise_id,
        r.enterprise_id IS NOT NULL AS is_registered,
        coalesce(u.is_labour_agency, false)
            OR coalesce(list_contains($agency_industries, regexp_replace(r.industry_code, '^[A-Z]', '')), false)
            AS is_labour_agency,
        n.first_known_at
    FROM numbered AS n
    LEFT JOIN register AS r USING (enterprise_id)
    LEFT JOIN unit_summary AS u USING (enterprise_id)
)
SELECT
    d.*,
    coalesce(i.industry_name, d.industry_division) AS industry_name
FROM described AS d
LEFT JOIN core.industry AS i USING (industry_division)
ORDER BY d.enterprise_no
