-- Grain: one row, none before the first month. Share of enterprises, in %, from which more persons moved to other
-- enterprises in the latest month of flows than left its insurance. Left out: where a term is missing.
WITH latest AS (
    SELECT max(month) AS month FROM core.labour_flow_month
),
moved AS (
    SELECT from_enterprise_no AS enterprise_no, month, sum(moved_persons)::BIGINT AS moved_persons
    FROM core.labour_flow_month
    WHERE month = (SELECT month FROM latest) AND from_enterprise_no <> to_enterprise_no
    GROUP BY from_enterprise_no, month
),
paired AS (
    SELECT m.moved_persons > e.leavers_persons AS is_more
    FROM moved AS m
    INNER JOIN core.enterprise_month AS e USING (enterprise_no, month)
    ANTI JOIN core.unknown_month AS q ON m.enterprise_no = q.enterprise_no AND m.month = q.month
    WHERE e.leavers_persons IS NOT NULL
),
counted AS (
    SELECT count(*) AS row_count, count(*) FILTER (is_more) AS bad_row_count FROM paired
)
SELECT
    '单位间用工流动' AS subject,
    'labour_flow' AS source,
    (SELECT month FROM latest) AS month,
    bad_row_count * 100.0 / nullif(row_count, 0) AS metric,
    row_count,
    bad_row_count,
    '有流出的企业' || row_count || '家中' || bad_row_count || '家流出多于停保' AS observed_text
FROM counted
WHERE (SELECT month FROM latest) IS NOT NULL
