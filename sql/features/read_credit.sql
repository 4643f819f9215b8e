-- Grain: one row per credit event; kind is its place in $kinds, grades_down how many grades the labour inspection took.
SELECT
    enterprise_no,
    occurred_on AS happened_on,
    list_position($kinds::VARCHAR[], credit_kind)::BIGINT - 1 AS kind,
    ended_on - DATE '0001-01-01' + 1 AS ended,
    CASE
        WHEN level_from IS NOT NULL AND level_to IS NOT NULL
            THEN greatest(ascii(level_to) - ascii(level_from), 0)
    END::BIGINT AS grades_down
FROM core.credit_event
WHERE enterprise_no BETWEEN $first_no AND $last_no AND occurred_on BETWEEN $first_day AND $last_day
ORDER BY enterprise_no, occurred_on, event_no
