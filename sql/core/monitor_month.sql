-- Grain: one row per monitored enterprise and month; the latest word of each.
SELECT
    e.enterprise_no,
    m.month,
    m.baseline_persons,
    m.surveyed_persons,
    m.hired_persons,
    m.separated_persons,
    m.reduction_kind,
    m.reduction_cause,
    m.dispatch_persons,
    m.idle_persons,
    m.planned_change_persons
FROM raw.employment_monitor AS m
INNER JOIN core.enterprise AS e USING (enterprise_id)
WHERE m.month IN (SELECT month FROM core.changed_month)
QUALIFY row_number() OVER (
    PARTITION BY e.enterprise_no, m.month ORDER BY m.known_at DESC, m.delivery_no DESC, m.line_no
) = 1
