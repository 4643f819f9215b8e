-- Grain: one row per target of the document in the period that began last.
SELECT
    target_key AS row_key,
    target_name,
    target_state,
    target_planned,
    target_done,
    target_unit,
    target_month,
    period_from,
    period_to,
    done_ratio,
    note_text
FROM out.target
QUALIFY row_number() OVER (PARTITION BY target_key ORDER BY period_from DESC) = 1
ORDER BY clause_no, target_key
