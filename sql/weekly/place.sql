-- Grain: one row per county of the published list and tables, the unknown one left out.
SELECT county_code AS row_key, min(county_name) AS county_name
FROM (
    SELECT county_code, county_name FROM out.county_industry_month
    UNION SELECT county_code, county_name FROM out.warning
)
WHERE county_code <> '000000'
GROUP BY county_code
ORDER BY county_code
