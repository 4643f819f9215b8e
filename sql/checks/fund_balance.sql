-- Grain: one row, none before the second month. How far the fund's balance of the latest month is from that of the month
-- before plus income less outlay, in % of the balance.
WITH latest AS (
    SELECT * FROM core.ui_fund_month ORDER BY month DESC LIMIT 1
),
compared AS (
    SELECT
        l.month,
        l.fund_balance_fen,
        l.fund_balance_fen - p.fund_balance_fen - l.fund_income_fen + l.fund_outlay_fen AS gap_fen
    FROM latest AS l
    INNER JOIN core.ui_fund_month AS p ON p.month = l.month - to_months(1)
)
SELECT
    '失业保险基金收支' AS subject,
    'ui_fund_month' AS source,
    month,
    abs(gap_fen) * 100.0 / nullif(abs(fund_balance_fen), 0) AS metric,
    1 AS row_count,
    0 AS bad_row_count,
    coalesce(
        strftime(month, '%Y年%m月') || '相差' || round(gap_fen / 1000000.0, 2) || '万元',
        strftime(month, '%Y年%m月') || '收入、支出或结余缺失，无法核对'
    ) AS observed_text
FROM compared
