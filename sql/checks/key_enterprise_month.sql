-- Grain: one row. Repeated or incomplete keys of core.enterprise_month in its recent months.
WITH recent AS (
    SELECT enterprise_no, month
    FROM core.enterprise_month
    WHERE month > (SELECT max(month) FROM core.month_status) - to_months($gate_recent_months)
),
grouped AS (
    SELECT enterprise_no, month, count(*) AS times
    FROM recent
    GROUP BY enterprise_no, month
),
counted AS (
    SELECT
        coalesce(sum(times), 0) AS row_count,
        count(*) FILTER (times > 1 OR enterprise_no IS NULL OR month IS NULL) AS bad_row_count
    FROM grouped
)
SELECT
    '企业月度参保缴费' AS subject,
    '' AS source,
    bad_row_count AS metric,
    row_count,
    bad_row_count,
    '有' || bad_row_count || '个企业月份重复或缺键' AS observed_text
FROM counted
