-- Grain: one row, none before the first month. Rows of the latest insurance month in % of the median of the six before.
SELECT
    '单位月度参保缴费' AS subject,
    'insurance_month' AS source,
    month,
    row_count * 100.0 / nullif(expected_row_count, 0) AS metric,
    row_count,
    greatest(0, coalesce(expected_row_count - row_count, 0)) AS bad_row_count,
    strftime(month, '%Y年%m月') || row_count || '行'
    || coalesce('，中位数' || expected_row_count || '行，为其' || round(row_count * 100.0 / expected_row_count, 1) || '%', '')
        AS observed_text
FROM core.month_status
ORDER BY month DESC
LIMIT 1
