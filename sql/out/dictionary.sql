-- Grain: one row per published table (column_no 0) and one per column. Left out: nothing; the same in every file.
SELECT * FROM star.dictionary
