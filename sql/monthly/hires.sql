-- Grain: one row per key group in the newest month up to the reference month, beside the month before and a year before.
WITH told AS (
    SELECT market_detail, month, sum(market_count)::BIGINT AS persons
    FROM out.market_month
    WHERE market_measure = '重点群体招用' AND month <= $month
    GROUP BY market_detail, month
),
newest AS (
    SELECT max(month) AS month FROM told
)
SELECT
    n.market_detail AS row_key,
    n.market_detail,
    n.month,
    n.persons,
    b.persons AS before_persons,
    y.persons AS year_before_persons,
    (n.persons - b.persons) / nullif(b.persons, 0) AS change_ratio,
    (n.persons - y.persons) / nullif(y.persons, 0) AS year_change_ratio
FROM told AS n
INNER JOIN newest USING (month)
LEFT JOIN told AS b ON b.market_detail = n.market_detail AND b.month = n.month - INTERVAL 1 MONTH
LEFT JOIN told AS y ON y.market_detail = n.market_detail AND y.month = n.month - INTERVAL 12 MONTH
ORDER BY n.market_detail <> '高校毕业生', n.persons DESC, n.market_detail
