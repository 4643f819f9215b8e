-- Grain: one row per visit of the window; the planned cut is the largest that the form gives, in words or as a net change.
SELECT
    enterprise_no,
    visited_on AS happened_on,
    CASE
        WHEN coalesce(planned_cut_persons, planned_1m_persons, planned_3m_persons) IS NOT NULL
            THEN greatest(planned_cut_persons, -planned_1m_persons, -planned_3m_persons, 0)::BIGINT
    END AS planned_cut_persons,
    unpaid_wage_persons,
    CASE operation_status WHEN '正常' THEN 0 WHEN '压产' THEN 1 WHEN '停工' THEN 2 END::BIGINT AS stop_level,
    orders_change_bp,
    is_false_alarm::BIGINT AS is_false_alarm
FROM core.follow_up
WHERE enterprise_no BETWEEN $first_no AND $last_no AND visited_on BETWEEN $first_day AND $last_day
ORDER BY enterprise_no, visited_on, visit_no
