-- Grain: one row per enterprise with features: what it adds to its county and its industry. A loss counts as large from the
-- lines on that make an enterprise orange. Left out: labour agencies, whose losses are their clients'.
SELECT
    f.enterprise_no,
    coalesce(e.county_code, '000000') AS county_code,
    coalesce(c.county_name, '未知县区') AS county_name,
    coalesce(left(e.industry_code, 1), '?') AS section,
    coalesce(e.industry_division, '00') AS industry_division,
    coalesce(e.industry_name, '未知行业') AS industry_name,
    f.insured_persons,
    f.net_loss_persons,
    f.insured_change_3m_persons,
    CASE WHEN f.net_loss_persons IS NOT NULL THEN coalesce(
        f.net_loss_persons >= $large_persons
        OR (f.net_loss_persons * 100 >= $large_pct * f.previous_insured_persons AND f.net_loss_persons >= $least_persons),
        false
    ) END AS is_large_event,
    s.probability,
    s.expected_loss_persons,
    w.colour
FROM features.enterprise AS f
INNER JOIN core.enterprise AS e USING (enterprise_no)
LEFT JOIN risk.score AS s USING (enterprise_no)
LEFT JOIN edition.warning AS w USING (enterprise_no)
LEFT JOIN edition.county AS c ON c.county_code = coalesce(e.county_code, '000000')
WHERE NOT coalesce(e.is_labour_agency, false)
ORDER BY f.enterprise_no
