-- Grain: one row per instrument that is over on the day.
SELECT instrument_id AS row_key, instrument_name, ends_on
FROM out.policy_instrument
WHERE instrument_state = '已到期'
ORDER BY ends_on, instrument_id
