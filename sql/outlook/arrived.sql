-- Grain: one row per month of which staff data became known after $since.
SELECT month FROM core.source_period
WHERE feed = 'insurance_month' AND latest_known_at > $since
ORDER BY month
