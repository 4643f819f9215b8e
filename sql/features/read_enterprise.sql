-- Grain: one row per enterprise of the range, in order of number.
SELECT enterprise_no, industry_division, is_registered
FROM core.enterprise
WHERE enterprise_no BETWEEN $first_no AND $last_no
ORDER BY enterprise_no
