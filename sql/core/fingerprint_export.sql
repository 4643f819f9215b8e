-- Grain: one row per month. Changes when a version of a row, or the enterprise it is linked to, changes.
SELECT
    r.month,
    bit_xor(hash(r.batch, r.line_no, r.known_at, r.delivery_no, e.enterprise_no, c.enterprise_no)) AS fingerprint
FROM raw.customs_export AS r
LEFT JOIN core.enterprise AS e USING (enterprise_id)
LEFT JOIN core.customs_code AS c USING (customs_code)
GROUP BY r.month
ORDER BY r.month
