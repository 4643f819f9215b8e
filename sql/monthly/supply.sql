-- Grain: one row per county that reported posts or jobseekers in the newest month up to the reference month.
WITH newest AS (
    SELECT max(month) AS month FROM out.market_month
    WHERE market_measure IN ('岗位需求', '登记求职') AND month <= $month
)
SELECT
    county_code AS row_key,
    min(county_name) AS county_name,
    min(month) AS month,
    sum(market_count) FILTER (WHERE market_measure = '岗位需求')::BIGINT AS demand_posts,
    sum(market_count) FILTER (WHERE market_measure = '登记求职')::BIGINT AS jobseeker_persons,
    sum(market_count) FILTER (WHERE market_measure = '岗位需求')
    / nullif(sum(market_count) FILTER (WHERE market_measure = '登记求职'), 0) AS posts_times
FROM out.market_month
INNER JOIN newest USING (month)
WHERE market_measure IN ('岗位需求', '登记求职')
GROUP BY county_code
ORDER BY county_code
