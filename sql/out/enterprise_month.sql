-- Grain: one row per enterprise and month, as known at the cutoff.
SELECT * FROM core.enterprise_month
