-- Grain: one row per feed and month, the whole city's.
SELECT * FROM core.source_period
