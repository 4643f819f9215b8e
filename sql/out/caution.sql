-- Grain: one row per published table and usage warning. Left out: nothing; the same in every file.
SELECT * FROM star.caution
