-- Grain: one row, none before the first month. Share of enterprises, in %, that hired more of one group in the latest
-- month of hires than joined their insurance. A person may be of two groups, so the largest group is compared.
WITH latest AS (
    SELECT max(month) AS month FROM core.hire_group_month
),
hired AS (
    SELECT enterprise_no, month, max(group_hired_persons) AS group_hired_persons
    FROM core.hire_group_month
    WHERE month = (SELECT month FROM latest)
    GROUP BY enterprise_no, month
),
paired AS (
    SELECT h.group_hired_persons > e.joiners_persons AS is_more
    FROM hired AS h
    INNER JOIN core.enterprise_month AS e USING (enterprise_no, month)
    ANTI JOIN core.unknown_month AS q ON h.enterprise_no = q.enterprise_no AND h.month = q.month
    WHERE e.joiners_persons IS NOT NULL
),
counted AS (
    SELECT count(*) AS row_count, count(*) FILTER (is_more) AS bad_row_count FROM paired
)
SELECT
    '重点群体招用' AS subject,
    'hire_group_month' AS source,
    (SELECT month FROM latest) AS month,
    bad_row_count * 100.0 / nullif(row_count, 0) AS metric,
    row_count,
    bad_row_count,
    '有招用的企业' || row_count || '家中' || bad_row_count || '家多于新增参保' AS observed_text
FROM counted
WHERE (SELECT month FROM latest) IS NOT NULL
