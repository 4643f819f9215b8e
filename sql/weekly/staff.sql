-- Grain: one row, the insured persons of the reference month and their change, of the county or the city.
SELECT
    'staff' AS row_key,
    n.month,
    sum(n.insured_persons)::BIGINT AS insured_persons,
    sum(n.net_change_persons)::BIGINT AS net_change_persons,
    sum(n.net_change_persons) / nullif(sum(n.compared_before_persons), 0) AS net_change_ratio
FROM out.county_industry_month AS n
INNER JOIN out.edition AS e ON e.reference_month = n.month
WHERE $county::VARCHAR IS NULL OR n.county_code = $county
GROUP BY n.month
