-- Grain: one row per county with such cases and one for the city (or the county asked for): cases that came on and left again since the earlier edition.
WITH passed AS (
    SELECT c.county_code
    FROM out.closed_case AS c
    CROSS JOIN earlier.out.edition AS b
    WHERE c.listed_since > b.as_of
)
SELECT '全市' AS row_key, count(*) AS passing_count FROM passed WHERE $county::VARCHAR IS NULL
UNION ALL
SELECT county_code, count(*) FROM passed WHERE $county::VARCHAR IS NULL OR county_code = $county GROUP BY county_code
