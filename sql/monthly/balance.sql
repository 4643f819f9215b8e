-- Grain: one row per month of the last thirteen up to the reference month: posts per jobseeker, of counties that reported both;
-- how many these are, and whether they are those of the newest month.
WITH county AS (
    SELECT
        month,
        county_code,
        sum(market_count) FILTER (WHERE market_measure = '岗位需求') AS posts,
        sum(market_count) FILTER (WHERE market_measure = '登记求职') AS jobseekers
    FROM out.market_month
    WHERE month > $month::DATE - INTERVAL 13 MONTH AND month <= $month AND in_city_sum
    GROUP BY month, county_code
)
SELECT
    count(*) AS county_places,
    list_sort(list(county_code)) = last_value(list_sort(list(county_code))) OVER (
        ORDER BY month ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
    ) AS is_same_counties,
    strftime(month, '%Y-%m') AS row_key,
    month,
    sum(posts)::BIGINT AS demand_posts,
    sum(jobseekers)::BIGINT AS jobseeker_persons,
    sum(posts) / nullif(sum(jobseekers), 0) AS posts_times
FROM county
WHERE posts IS NOT NULL AND jobseekers IS NOT NULL
GROUP BY month
ORDER BY month
