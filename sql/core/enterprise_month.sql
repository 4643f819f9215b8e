-- Grain: one row per enterprise and month, for the months whose slabs must be written. A unit counts under the
-- enterprise it belonged to in that month; where no link covers the month, its latest link serves. Left out: units
-- without any link (core.unlinked). A sum is null only where every unit's value is missing.
WITH version AS (
    SELECT * FROM raw.insurance_month
    WHERE month IN (SELECT month FROM core.changed_month)
    QUALIFY row_number() OVER (
        PARTITION BY unit_no, month ORDER BY known_at DESC, delivery_no DESC, line_no
    ) = 1
),
linked AS (
    SELECT u.enterprise_no, v.*
    FROM version AS v
    INNER JOIN core.insured_unit AS u USING (unit_no)
    QUALIFY row_number() OVER (
        PARTITION BY v.unit_no, v.month
        ORDER BY
            coalesce(u.valid_from <= last_day(v.month), true) AND coalesce(u.valid_to > v.month, true) DESC,
            u.valid_from DESC NULLS LAST,
            u.enterprise_no
    ) = 1
)
SELECT
    enterprise_no,
    month,
    sum(insured_persons)::BIGINT AS insured_persons,
    sum(joiners_persons)::BIGINT AS joiners_persons,
    sum(leavers_persons)::BIGINT AS leavers_persons,
    sum(high_base_leavers_persons)::BIGINT AS high_base_leavers_persons,
    sum(base_fen)::BIGINT AS base_fen,
    sum(due_pension_fen)::BIGINT AS due_pension_fen,
    sum(paid_pension_fen)::BIGINT AS paid_pension_fen,
    sum(deferred_pension_fen)::BIGINT AS deferred_pension_fen,
    sum(due_unemployment_fen)::BIGINT AS due_unemployment_fen,
    sum(paid_unemployment_fen)::BIGINT AS paid_unemployment_fen,
    sum(deferred_unemployment_fen)::BIGINT AS deferred_unemployment_fen,
    sum(due_injury_fen)::BIGINT AS due_injury_fen,
    sum(paid_injury_fen)::BIGINT AS paid_injury_fen,
    sum(deferred_injury_fen)::BIGINT AS deferred_injury_fen,
    count(*)::BIGINT AS unit_count
FROM linked
GROUP BY enterprise_no, month
