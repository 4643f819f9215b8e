-- Grain: one row per kind of reduction that monitored enterprises reported in their newest month up to the reference month.
WITH newest AS (
    SELECT max(month) AS month FROM out.market_month WHERE market_measure = '监测企业' AND month <= $month
)
SELECT
    market_detail AS row_key,
    market_detail,
    sum(market_count)::BIGINT AS persons,
    sum(market_count) / nullif(sum(sum(market_count)) OVER (), 0) AS share_ratio
FROM out.market_month
INNER JOIN newest USING (month)
WHERE market_measure = '监测企业减员'
GROUP BY market_detail
HAVING sum(market_count) > 0
ORDER BY persons DESC, market_detail
