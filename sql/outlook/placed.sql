-- Grain: one row per enterprise insured in the reference month or listed: its county, how many more departures its refund
-- bears this year, and what the model expects it to lose.
SELECT
    m.enterprise_no,
    coalesce(e.county_code, '000000') AS county_code,
    coalesce(c.county_name, '未知县区') AS county_name,
    m.refund_margin_persons,
    s.expected_loss_persons
FROM edition.refund_margin AS m
INNER JOIN core.enterprise AS e USING (enterprise_no)
LEFT JOIN edition.county AS c ON c.county_code = coalesce(e.county_code, '000000')
LEFT JOIN risk.score AS s ON s.enterprise_no = m.enterprise_no
ORDER BY m.enterprise_no
