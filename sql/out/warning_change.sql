-- Grain: one row per changed enterprise. A released enterprise may be in no other table, so the county goes by name.
SELECT * FROM edition.warning_change
WHERE
    $county_code IS NULL
    OR county_name IN (SELECT county_name FROM edition.county WHERE county_code = $county_code)
