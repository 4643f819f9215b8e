-- Grain: one row, the edition that the report is made from.
SELECT
    'edition' AS row_key,
    *,
    month(reference_month) IN (1, 2, 3) AS is_festival_quarter,
    (reference_month + INTERVAL 1 MONTH)::DATE AS next_month
FROM out.edition
