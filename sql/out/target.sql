-- Grain: one row per target of the document and period begun. Left out of a county's file: all; the document splits none.
SELECT * FROM outlook.target
WHERE $county_code IS NULL
