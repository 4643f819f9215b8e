-- Grain: one row, the edition. In a county's file its counts are still the whole city's.
SELECT * FROM edition.edition
