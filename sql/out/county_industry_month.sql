-- Grain: one row per county, industry division and month. Small cells are not suppressed inside the bureau.
SELECT * FROM edition.county_industry_month
WHERE $county_code IS NULL OR county_code = $county_code
