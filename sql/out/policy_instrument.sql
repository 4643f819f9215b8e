-- Grain: one row per instrument of the draft measures; the same for every county.
SELECT * FROM edition.policy_instrument
WHERE $county_code IS NULL OR $county_code IS NOT NULL
