-- Grain: one row per enterprise and month with an insurance row in quarantine.
SELECT DISTINCT u.enterprise_no, q.month
FROM ingest.quarantined_unit_month AS q
INNER JOIN core.insured_unit AS u USING (unit_no)
ORDER BY u.enterprise_no, q.month
