-- Grain: one row per feed and month under review in which it sent anything or something was due, the whole city's.
SELECT * FROM gate.feed_quality
