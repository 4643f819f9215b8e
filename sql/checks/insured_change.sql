-- Grain: one row, none before the first month. Change of all insured persons against the month before, in %, unsigned.
WITH latest AS (
    SELECT * FROM core.month_status ORDER BY month DESC LIMIT 1
)
SELECT
    '全部参保人数' AS subject,
    'insurance_month' AS source,
    l.month,
    abs(l.insured_persons - p.insured_persons) * 100.0 / nullif(p.insured_persons, 0) AS metric,
    l.row_count,
    0 AS bad_row_count,
    strftime(l.month, '%Y年%m月') || l.insured_persons || '人'
    || coalesce(
        '，上月' || p.insured_persons || '人，变化'
        || round((l.insured_persons - p.insured_persons) * 100.0 / nullif(p.insured_persons, 0), 1) || '%',
        '，无上月可比'
    ) AS observed_text
FROM latest AS l
LEFT JOIN core.month_status AS p ON p.month = l.month - to_months(1)
