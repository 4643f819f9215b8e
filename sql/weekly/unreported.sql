-- Grain: one row per count of employment services that other counties reported for its newest month and this one did not; none for the city.
WITH newest AS (
    SELECT m.market_measure, max(m.month) AS month
    FROM out.market_month AS m
    INNER JOIN out.edition AS e ON m.month <= e.reference_month
    WHERE m.market_measure IN ('岗位需求', '登记求职', '期末登记失业', '新增登记失业', '失业人员再就业')
    GROUP BY m.market_measure
)
SELECT n.market_measure AS row_key, n.market_measure, n.month
FROM newest AS n
WHERE
    $county::VARCHAR IS NOT NULL
    AND NOT EXISTS (
        SELECT 1 FROM out.market_month AS m
        WHERE m.market_measure = n.market_measure AND m.month = n.month AND m.county_code = $county
    )
ORDER BY n.market_measure
