-- Grain: one row, none before the first month. Share of enterprises, in %, whose head count of the latest month is not that
-- of the month before plus joiners minus leavers. Left out: where a term is missing or the month is not known.
WITH latest AS (
    SELECT max(month) AS month FROM core.month_status
),
paired AS (
    SELECT n.insured_persons - p.insured_persons - n.joiners_persons + n.leavers_persons AS difference
    FROM core.enterprise_month AS n
    INNER JOIN core.enterprise_month AS p
        ON n.enterprise_no = p.enterprise_no AND n.month = p.month + to_months(1)
    ANTI JOIN core.unknown_month AS q
        ON n.enterprise_no = q.enterprise_no AND (q.month = n.month OR q.month = p.month)
    WHERE n.month = (SELECT month FROM latest)
),
counted AS (
    SELECT count(difference) AS row_count, count(*) FILTER (difference <> 0) AS bad_row_count FROM paired
)
SELECT
    '单位月度参保缴费' AS subject,
    'insurance_month' AS source,
    bad_row_count * 100.0 / nullif(row_count, 0) AS metric,
    row_count,
    bad_row_count,
    '可比企业' || row_count || '家中' || bad_row_count || '家不勾稽' AS observed_text
FROM counted
WHERE (SELECT month FROM latest) IS NOT NULL
