-- Grain: one row per report filed under art. 41; the latest word of each.
SELECT
    n.notice_no,
    e.enterprise_no,
    n.reported_on,
    n.plan_start_on,
    n.plan_end_on,
    n.staff_persons,
    n.cut_persons,
    n.cause_code,
    n.notice_status
FROM raw.layoff_notice AS n
INNER JOIN core.enterprise AS e USING (enterprise_id)
QUALIFY row_number() OVER (PARTITION BY n.notice_no ORDER BY n.known_at DESC, n.delivery_no DESC, n.line_no) = 1
ORDER BY n.notice_no
