-- Grain: one row per enterprise and instrument that is judged on the day. Left out: nothing.
SELECT
    e.enterprise_name, e.enterprise_id, e.county_name, e.industry_name, w.colour, i.instrument_name, a.policy_answer, a.amount_fen,
    a.failing_text, a.missing_text, a.basis_kind, i.instrument_state, i.ends_on, a.received_on
FROM out.policy_answer AS a
INNER JOIN out.enterprise AS e USING (enterprise_no)
INNER JOIN out.policy_instrument AS i USING (instrument_id)
LEFT JOIN out.warning AS w USING (enterprise_no)
