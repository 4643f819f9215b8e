-- Grain: one row per measure in its newest month up to the reference month, beside the month before and the same month a year
-- before, and how many counties reported it; a zone in the reports of a county is not added again. A comparison is left out where other counties reported than now.
WITH told AS (
    SELECT
        market_measure,
        month,
        sum(market_count)::BIGINT AS persons,
        list_sort(list(DISTINCT county_code)) AS counties
    FROM out.market_month
    WHERE month <= $month AND in_city_sum
    GROUP BY market_measure, month
),
newest AS (
    SELECT market_measure, max(month) AS month FROM told GROUP BY market_measure
),
compared AS (
    SELECT
        n.market_measure,
        n.month,
        n.persons,
        len(n.counties) AS county_places,
        CASE WHEN b.counties = n.counties OR n.market_measure NOT IN (
            '岗位需求', '登记求职', '介绍成功', '期末登记失业', '新增登记失业', '失业人员再就业'
        ) THEN b.persons END AS before_persons,
        CASE WHEN y.counties = n.counties OR n.market_measure NOT IN (
            '岗位需求', '登记求职', '介绍成功', '期末登记失业', '新增登记失业', '失业人员再就业'
        ) THEN y.persons END AS year_before_persons
    FROM newest AS l
    INNER JOIN told AS n USING (market_measure, month)
    LEFT JOIN told AS b ON b.market_measure = n.market_measure AND b.month = n.month - INTERVAL 1 MONTH
    LEFT JOIN told AS y ON y.market_measure = n.market_measure AND y.month = n.month - INTERVAL 12 MONTH
)
SELECT
    market_measure AS row_key,
    *,
    (persons - before_persons) / nullif(before_persons, 0) AS change_ratio,
    (persons - year_before_persons) / nullif(year_before_persons, 0) AS year_change_ratio
FROM compared
ORDER BY market_measure
