-- Grain: one row. Recent rows of core.enterprise_month whose head count is missing or negative.
WITH counted AS (
    SELECT
        count(*) AS row_count,
        count(*) FILTER (insured_persons IS NULL OR insured_persons < 0) AS bad_row_count,
        max(month) FILTER (insured_persons IS NULL OR insured_persons < 0) AS month
    FROM core.enterprise_month
    WHERE month > (SELECT max(month) FROM core.month_status) - to_months($gate_recent_months)
)
SELECT
    '企业月度参保缴费' AS subject,
    'insurance_month' AS source,
    month,
    bad_row_count AS metric,
    row_count,
    bad_row_count,
    '有' || bad_row_count || '行参保人数为空或为负' AS observed_text
FROM counted
