-- Grain: one row, the edition that the sheet is made from.
SELECT
    'edition' AS row_key,
    *,
    (as_of + INTERVAL 7 DAY)::DATE AS week_ends_on
FROM out.edition
