-- Grain: one row per enterprise and month with at least one insured unit. Left out: nothing.
SELECT
    e.enterprise_name, e.enterprise_id, e.county_name, e.industry_name, m.month, m.insured_persons, m.joiners_persons,
    m.leavers_persons, m.high_base_leavers_persons, m.base_fen, m.due_pension_fen, m.paid_pension_fen, m.deferred_pension_fen,
    m.unit_count
FROM out.enterprise_month AS m
INNER JOIN out.enterprise AS e USING (enterprise_no)
