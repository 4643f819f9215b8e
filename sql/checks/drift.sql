-- Grain: one row, none before the first month. Population stability index of enterprise sizes, latest month against the
-- same month a year before; half an enterprise is added to each group so that an empty one has a logarithm.
WITH latest AS (
    SELECT max(month) AS month FROM core.month_status
),
sized AS (
    SELECT
        e.month = (SELECT month FROM latest) AS is_now,
        len(list_filter($drift_size_edges::BIGINT[], lambda edge: edge <= e.insured_persons)) AS size_group
    FROM core.enterprise_month AS e
    WHERE e.month IN ((SELECT month FROM latest), (SELECT month - to_months(12) FROM latest))
),
grouped AS (
    SELECT size_group, count(*) FILTER (is_now) + 0.5 AS now_count, count(*) FILTER (NOT is_now) + 0.5 AS then_count
    FROM sized
    GROUP BY size_group
),
shared AS (
    SELECT now_count / sum(now_count) OVER () AS now_share, then_count / sum(then_count) OVER () AS then_share
    FROM grouped
),
indexed AS (
    SELECT round(sum((now_share - then_share) * ln(now_share / then_share)), 4) AS psi FROM shared
),
counted AS (
    SELECT count(*) FILTER (is_now) AS now_rows, count(*) FILTER (NOT is_now) AS then_rows FROM sized
)
SELECT
    '企业规模分布' AS subject,
    'insurance_month' AS source,
    CASE WHEN c.then_rows > 0 THEN i.psi END AS metric,
    c.now_rows AS row_count,
    0 AS bad_row_count,
    CASE WHEN c.then_rows > 0 THEN '与上年同月相比PSI为' || i.psi ELSE '无上年同月可比' END AS observed_text
FROM counted AS c, indexed AS i
WHERE c.now_rows > 0
