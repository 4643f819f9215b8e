-- Grain: one row, the edition that the week is counted from; none in the first week.
SELECT
    'earlier' AS row_key,
    b.edition_id,
    b.as_of,
    date_diff('day', b.as_of, e.as_of) AS compared_days
FROM earlier.out.edition AS b
CROSS JOIN out.edition AS e
