-- Grain: one row per insurance month.
WITH counted AS (
    SELECT month, sum(unit_count)::BIGINT AS row_count, sum(insured_persons)::BIGINT AS insured_persons
    FROM core.enterprise_month
    GROUP BY month
),
expected AS (
    SELECT
        *,
        quantile_disc(row_count, 0.5) OVER (ORDER BY month ROWS BETWEEN 6 PRECEDING AND 1 PRECEDING)
            AS expected_row_count
    FROM counted
)
SELECT
    month,
    row_count,
    expected_row_count,
    insured_persons,
    coalesce(row_count * 100 >= expected_row_count * $complete_month_pct, true) AS is_complete_month
FROM expected
ORDER BY month
