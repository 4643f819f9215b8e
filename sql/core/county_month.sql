-- Grain: one row per county and insurance month of the city from the county's first on, with rows or without. Expected
-- is the median of the county's six latest earlier months that have rows, so that a file that stays away is expected on.
WITH counted AS (
    SELECT c.county_code, m.month, sum(m.unit_count)::BIGINT AS row_count
    FROM core.enterprise_month AS m
    INNER JOIN core.insured_county AS c USING (enterprise_no)
    GROUP BY c.county_code, m.month
),
usual AS (
    SELECT
        *,
        quantile_disc(row_count, 0.5)
            OVER (PARTITION BY county_code ORDER BY month ROWS BETWEEN 5 PRECEDING AND CURRENT ROW) AS usual_row_count
    FROM counted
),
first AS (
    SELECT county_code, min(month) AS month FROM counted GROUP BY county_code
),
due AS (
    SELECT f.county_code, s.month
    FROM first AS f
    INNER JOIN core.month_status AS s ON s.month >= f.month
),
expected AS (
    SELECT d.county_code, d.month, u.usual_row_count AS expected_row_count
    FROM due AS d
    ASOF LEFT JOIN usual AS u ON d.county_code = u.county_code AND d.month > u.month
)
SELECT
    x.county_code,
    x.month,
    coalesce(c.row_count, 0) AS row_count,
    x.expected_row_count,
    coalesce(
        coalesce(c.row_count, 0) * 100 >= x.expected_row_count * $complete_month_pct
        OR x.expected_row_count - coalesce(c.row_count, 0) < $county_short_rows_least,
        true
    ) AS is_complete_month
FROM expected AS x
LEFT JOIN counted AS c USING (county_code, month)
ORDER BY x.month, x.county_code
