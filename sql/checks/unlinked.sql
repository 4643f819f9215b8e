-- Grain: one row. Share of insurance rows, in %, whose unit leads to no enterprise.
WITH counted AS (
    SELECT
        (SELECT coalesce(sum(row_count), 0) FROM core.source_status WHERE feed = 'insurance_month') AS row_count,
        (SELECT coalesce(sum(row_count), 0) FROM core.unlinked WHERE feed = 'insurance_month') AS bad_row_count
)
SELECT
    '参保单位与企业对应' AS subject,
    'insured_unit' AS source,
    bad_row_count * 100.0 / nullif(row_count, 0) AS metric,
    row_count,
    bad_row_count,
    '参保行' || row_count || '行中' || bad_row_count || '行的单位没有对应企业' AS observed_text
FROM counted
