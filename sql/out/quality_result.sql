-- Grain: one row per subject and check, the whole city's. Counts only, no raw values.
SELECT * FROM gate.result
