-- Grain: one row. Dated steps of duties on record.
SELECT
    '加征关税措施' AS subject,
    'tariff_measure' AS source,
    count(*) AS metric,
    count(*) AS row_count,
    0 AS bad_row_count,
    '共' || count(*) || '条措施' AS observed_text
FROM core.tariff_measure
