-- Grain: one row per county with enterprises that export to the US; the change is of those known in both months.
SELECT
    e.county_code AS row_key,
    min(e.county_name) AS county_name,
    count(*) FILTER (WHERE e.insured_persons > 0) AS enterprise_count,
    sum(e.insured_persons)::BIGINT AS insured_persons,
    sum(e.insured_change_1m_persons)::BIGINT AS net_change_persons,
    sum(e.insured_change_1m_persons)
    / nullif(sum(e.previous_insured_persons) FILTER (WHERE e.insured_change_1m_persons IS NOT NULL), 0)
        AS net_change_ratio,
    count(w.enterprise_id) AS listed_count
FROM out.enterprise AS e
LEFT JOIN out.warning AS w ON w.enterprise_id = e.enterprise_id
WHERE e.is_us_exporter
GROUP BY e.county_code
HAVING count(*) FILTER (WHERE e.insured_persons > 0) > 0 OR count(w.enterprise_id) > 0
ORDER BY net_change_persons NULLS LAST, e.county_code
