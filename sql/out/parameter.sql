-- Grain: one row per parameter in force, with where it comes from and whether that was verified.
SELECT * FROM edition.parameter
