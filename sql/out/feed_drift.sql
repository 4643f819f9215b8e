-- Grain: one row per monthly feed and column of numbers in its latest month, the whole city's.
SELECT * FROM gate.feed_drift
