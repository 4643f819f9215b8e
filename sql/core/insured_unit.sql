-- Grain: one row per insurance unit, enterprise and start of the link; the latest word of each.
SELECT
    u.unit_no,
    e.enterprise_no,
    u.unit_kind,
    u.county_code,
    u.valid_from,
    u.valid_to
FROM raw.insured_unit AS u
INNER JOIN core.enterprise AS e USING (enterprise_id)
QUALIFY row_number() OVER (
    PARTITION BY u.unit_no, e.enterprise_no, u.valid_from
    ORDER BY u.known_at DESC, u.delivery_no DESC, u.is_retracted, u.line_no
) = 1 AND NOT u.is_retracted
ORDER BY u.unit_no, e.enterprise_no, u.valid_from
