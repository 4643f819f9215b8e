-- Grain: one row per payment or approval of the window that was not taken back.
SELECT
    enterprise_no,
    paid_on AS happened_on,
    benefit_fen,
    coalesce(list_contains($stabilising_benefits::VARCHAR[], benefit_kind), false)::BIGINT AS is_stabilising
FROM core.policy_benefit
WHERE
    enterprise_no BETWEEN $first_no AND $last_no
    AND coalesce(benefit_status <> '已退回', true)
    AND paid_on BETWEEN $first_day AND $last_day
ORDER BY enterprise_no, paid_on, benefit_no
