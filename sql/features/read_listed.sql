-- Grain: one row per enterprise of the range on the commerce department's list of exporters to the United States.
SELECT DISTINCT enterprise_no, true AS is_listed
FROM core.us_exporter
WHERE enterprise_no BETWEEN $first_no AND $last_no AND year BETWEEN $first_year AND $last_year
