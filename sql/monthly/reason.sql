-- Grain: one row per reason for risk of listed enterprises: how many have it, and how many of them export to the US.
SELECT
    r.reason_code AS row_key,
    min(r.reason_name) AS reason_name,
    min(r.dimension) AS dimension,
    count(DISTINCT r.enterprise_no) AS enterprise_count,
    count(DISTINCT r.enterprise_no) FILTER (WHERE w.is_us_exporter) AS exporter_count
FROM out.warning_reason AS r
INNER JOIN out.warning AS w USING (enterprise_no)
WHERE NOT r.is_mitigating
GROUP BY r.reason_code
ORDER BY enterprise_count DESC, r.reason_code
