-- Grain: one row per zone whose reports up to the reference month are in those of the county around it.
SELECT county_code AS row_key, any_value(county_name) AS county_name
FROM out.market_month
WHERE NOT in_city_sum AND month <= $month
GROUP BY county_code
ORDER BY county_code
