-- Grain: one row, the whole city in the reference month, the month before and a year before. The ratio leaves out what has no change.
WITH month_total AS (
    SELECT
        month,
        sum(enterprise_count)::BIGINT AS enterprise_count,
        sum(insured_persons)::BIGINT AS insured_persons,
        sum(net_change_persons)::BIGINT AS net_change_persons,
        sum(net_change_persons) / nullif(sum(compared_before_persons), 0) AS net_change_ratio,
        sum(uncompared_persons)::BIGINT AS uncompared_persons,
        sum(large_loss_count)::BIGINT AS large_loss_count
    FROM out.county_industry_month
    GROUP BY month
),
moved AS (
    SELECT
        count(*) FILTER (WHERE insured_change_1m_persons < 0) AS fallen_count,
        count(*) FILTER (WHERE insured_change_1m_persons > 0) AS risen_count,
        count(*) FILTER (WHERE insured_change_1m_persons = 0 AND insured_persons > 0) AS level_count,
        count(*) FILTER (WHERE insured_persons > 0 AND insured_change_1m_persons IS NULL) AS unknown_count,
        count(*) FILTER (WHERE insured_persons = 0 AND insured_change_1m_persons < 0) AS ended_count
    FROM out.enterprise
)
SELECT
    'city' AS row_key,
    n.*,
    m.*,
    b.net_change_persons AS before_change_persons,
    y.insured_persons AS year_before_persons,
    n.insured_persons - y.insured_persons AS year_change_persons,
    (n.insured_persons - y.insured_persons) / nullif(y.insured_persons, 0) AS year_change_ratio
FROM month_total AS n
CROSS JOIN moved AS m
LEFT JOIN month_total AS b ON b.month = n.month - INTERVAL 1 MONTH
LEFT JOIN month_total AS y ON y.month = n.month - INTERVAL 12 MONTH
WHERE n.month = $month
