-- Grain: one row per month. Changes when a version of a row, or the number of its enterprise, changes.
SELECT r.month, bit_xor(hash(r.batch, r.line_no, r.known_at, r.delivery_no, e.enterprise_no)) AS fingerprint
FROM raw.employment_monitor AS r
LEFT JOIN core.enterprise AS e USING (enterprise_id)
GROUP BY r.month
ORDER BY r.month
