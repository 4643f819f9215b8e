-- Grain: one row per month. Changes when a version of a row, or the enterprise of its unit, changes. The dates of a link
-- matter only where a unit has had more than one enterprise: a unit that closes does not rewrite its past.
WITH link AS (
    SELECT
        unit_no,
        CASE
            WHEN count(DISTINCT enterprise_no) = 1 THEN hash(min(enterprise_no))
            ELSE bit_xor(hash(enterprise_no, valid_from, valid_to))
        END AS link_hash
    FROM core.insured_unit
    GROUP BY unit_no
)
SELECT r.month, bit_xor(hash(r.unit_no, r.batch, r.line_no, r.known_at, r.delivery_no, l.link_hash)) AS fingerprint
FROM raw.insurance_month AS r
LEFT JOIN link AS l USING (unit_no)
GROUP BY r.month
ORDER BY r.month
