-- Grain: one row, the monitored enterprises in their newest month up to the reference month.
WITH told AS (
    SELECT
        month,
        sum(market_count) FILTER (WHERE market_measure = '监测企业')::BIGINT AS enterprise_count,
        sum(market_count) FILTER (WHERE market_measure = '监测企业用工')::BIGINT AS staff_persons,
        sum(market_count) FILTER (WHERE market_measure = '监测企业新招')::BIGINT AS hired_persons,
        sum(market_count) FILTER (WHERE market_measure = '监测企业减员')::BIGINT AS separated_persons,
        sum(market_count) FILTER (WHERE market_measure = '监测企业待岗')::BIGINT AS idle_persons
    FROM out.market_month
    WHERE month <= $month AND starts_with(market_measure, '监测企业')
    GROUP BY month
)
SELECT
    'monitored' AS row_key,
    *,
    hired_persons - separated_persons AS net_change_persons,
    (hired_persons - separated_persons) / nullif(staff_persons - hired_persons + separated_persons, 0)
        AS net_change_ratio,
    separated_persons / nullif(staff_persons - hired_persons + separated_persons, 0) AS separated_ratio,
    idle_persons / nullif(staff_persons, 0) AS idle_ratio
FROM told
ORDER BY month DESC
LIMIT 1
