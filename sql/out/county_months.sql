-- Grain: one row per enterprise of a county and month, cut from the file of the whole city.
SELECT * FROM whole.out.enterprise_month
WHERE enterprise_no IN (SELECT enterprise_no FROM whole.out.enterprise WHERE county_code = $county_code)
