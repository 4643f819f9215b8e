-- Grain: one row per month of the last thirteen up to the reference month: posts per jobseeker, of counties that reported both.
WITH county AS (
    SELECT
        month,
        county_code,
        sum(market_count) FILTER (WHERE market_measure = '岗位需求') AS posts,
        sum(market_count) FILTER (WHERE market_measure = '登记求职') AS jobseekers
    FROM out.market_month
    WHERE month > $month::DATE - INTERVAL 13 MONTH AND month <= $month
    GROUP BY month, county_code
)
SELECT
    strftime(month, '%Y-%m') AS row_key,
    month,
    sum(posts)::BIGINT AS demand_posts,
    sum(jobseekers)::BIGINT AS jobseeker_persons,
    sum(posts) / nullif(sum(jobseekers), 0) AS posts_times
FROM county
WHERE posts IS NOT NULL AND jobseekers IS NOT NULL
GROUP BY month
ORDER BY month
