-- Grain: one row per enterprise of the bucket and month of the window. Arrears are net of approved deferrals and of
-- overpayment in another kind of insurance; a month whose dues are unknown has none of its own.
SELECT
    enterprise_no - $first_no AS place,
    year(month) * 12 + month(month) - 1 AS ordinal,
    insured_persons,
    joiners_persons,
    leavers_persons,
    high_base_leavers_persons,
    base_fen,
    CASE
        WHEN coalesce(due_pension_fen, due_unemployment_fen, due_injury_fen) IS NOT NULL
            THEN coalesce(due_pension_fen, 0) + coalesce(due_unemployment_fen, 0) + coalesce(due_injury_fen, 0)
    END AS due_fen,
    CASE
        WHEN coalesce(due_pension_fen, due_unemployment_fen, due_injury_fen) IS NULL
            OR coalesce(paid_pension_fen, paid_unemployment_fen, paid_injury_fen) IS NULL
            THEN NULL
        WHEN
            coalesce(greatest(due_pension_fen - paid_pension_fen - coalesce(deferred_pension_fen, 0), 0), 0)
            + coalesce(
                greatest(due_unemployment_fen - paid_unemployment_fen - coalesce(deferred_unemployment_fen, 0), 0), 0
            )
            + coalesce(greatest(due_injury_fen - paid_injury_fen - coalesce(deferred_injury_fen, 0), 0), 0)
            <= $arrears_tolerance_fen
            THEN 0
        ELSE
            coalesce(greatest(due_pension_fen - paid_pension_fen - coalesce(deferred_pension_fen, 0), 0), 0)
            + coalesce(
                greatest(due_unemployment_fen - paid_unemployment_fen - coalesce(deferred_unemployment_fen, 0), 0), 0
            )
            + coalesce(greatest(due_injury_fen - paid_injury_fen - coalesce(deferred_injury_fen, 0), 0), 0)
    END AS arrears_fen,
    CASE
        WHEN coalesce(deferred_pension_fen, deferred_unemployment_fen, deferred_injury_fen) IS NOT NULL
            THEN
                coalesce(deferred_pension_fen, 0)
                + coalesce(deferred_unemployment_fen, 0)
                + coalesce(deferred_injury_fen, 0)
    END AS deferred_fen
FROM core.enterprise_month
ANTI JOIN (SELECT enterprise_no, month FROM core.unknown_month WHERE is_partial) USING (enterprise_no, month)
WHERE
    enterprise_no BETWEEN $first_no AND $last_no
    AND month BETWEEN $first_month AND $last_month
