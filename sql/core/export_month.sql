-- Grain: one row per enterprise, month, HS6, destination and role. Chinese and US codes agree on six digits only. A row
-- without an enterprise's code is linked by its customs code; left out: rows that neither links (core.unlinked).
WITH version AS (
    SELECT * FROM raw.customs_export
    WHERE month IN (SELECT month FROM core.changed_month)
    QUALIFY row_number() OVER (
        PARTITION BY customs_code, declarant_role, hs_code, destination, month
        ORDER BY known_at DESC, delivery_no DESC, line_no
    ) = 1
)
SELECT
    coalesce(e.enterprise_no, c.enterprise_no) AS enterprise_no,
    v.month,
    substr(v.hs_code, 1, 6) AS hs6,
    v.destination,
    v.declarant_role,
    sum(v.export_usd_cent)::BIGINT AS export_usd_cent
FROM version AS v
LEFT JOIN core.enterprise AS e USING (enterprise_id)
LEFT JOIN core.customs_code AS c USING (customs_code)
WHERE coalesce(e.enterprise_no, c.enterprise_no) IS NOT NULL
GROUP BY ALL
