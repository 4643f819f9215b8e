-- Grain: one row per source, the whole city's.
SELECT * FROM core.source_status
