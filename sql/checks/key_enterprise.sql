-- Grain: one row. Rows of core.enterprise whose number or code is missing or is shared with another row.
SELECT
    '企业' AS subject,
    '' AS source,
    2 * count(*) - count(DISTINCT enterprise_no) - count(DISTINCT enterprise_id) AS metric,
    count(*) AS row_count,
    2 * count(*) - count(DISTINCT enterprise_no) - count(DISTINCT enterprise_id) AS bad_row_count,
    '共' || count(*) || '家企业' AS observed_text
FROM core.enterprise
