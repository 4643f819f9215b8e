-- Grain: one row per enterprise of the $largest that lost most persons in the city, with its number on the list in place of its name.
SELECT
    '第' || row_number() OVER (ORDER BY e.insured_change_1m_persons, e.enterprise_id) || '位' AS row_key,
    e.county_name,
    coalesce(e.industry_name, '未知行业') AS industry_name,
    e.previous_insured_persons,
    e.insured_persons,
    e.insured_change_1m_persons,
    e.insured_change_1m_ratio,
    coalesce(w.colour, f.colour, '无') AS colour,
    CASE
        WHEN w.warning_no IS NOT NULL THEN w.warning_no
        WHEN f.enterprise_id IS NOT NULL THEN '触发未列入：' || f.filter_text
        ELSE '未达到触发线'
    END AS standing_text,
    coalesce(w.reasons_text, '无') AS reasons_text
FROM out.enterprise AS e
LEFT JOIN out.warning AS w ON w.enterprise_id = e.enterprise_id
LEFT JOIN out.filtered AS f ON f.enterprise_id = e.enterprise_id
WHERE e.insured_change_1m_persons < 0
ORDER BY e.insured_change_1m_persons, e.enterprise_id
LIMIT $largest
