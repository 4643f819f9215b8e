-- Grain: one row per case of the window; collective by the commission's word or from ten claimants on (KNOWLEDGE 3.2).
SELECT
    enterprise_no,
    filed_on AS happened_on,
    claimant_persons,
    coalesce(is_collective OR claimant_persons >= $collective_minimum_persons, false)::BIGINT AS is_collective
FROM core.arbitration
WHERE enterprise_no BETWEEN $first_no AND $last_no AND filed_on BETWEEN $first_day AND $last_day
ORDER BY enterprise_no, filed_on, arbitration_no
