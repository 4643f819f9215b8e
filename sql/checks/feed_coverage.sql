-- Grain: one row per monthly feed that came. Recent months without any row between its first and its latest. Left out:
-- insurance, judged by coverage.sql.
WITH span AS (
    SELECT feed, min(month) AS first_month, max(month) AS last_month, count(*) AS months
    FROM gate.feed_month
    GROUP BY feed
),
due AS (
    SELECT feed, unnest(generate_series(first_month, last_month, to_months(1)))::DATE AS month FROM span
),
missing AS (
    SELECT d.feed, d.month
    FROM due AS d
    INNER JOIN span AS s USING (feed)
    ANTI JOIN gate.feed_month AS m ON d.feed = m.feed AND d.month = m.month
    WHERE d.month > s.last_month - to_months($gate_recent_months)
),
counted AS (
    SELECT feed, count(*) AS gaps, string_agg(strftime(month, '%Y年%m月'), '、' ORDER BY month) AS names
    FROM missing
    GROUP BY feed
)
SELECT
    f.feed_label AS subject,
    f.feed AS source,
    coalesce(c.gaps, 0) AS metric,
    s.months AS row_count,
    coalesce(c.gaps, 0) AS bad_row_count,
    coalesce('缺' || c.names, '月份连续') AS observed_text
FROM span AS s
INNER JOIN gate.feed AS f USING (feed)
LEFT JOIN counted AS c USING (feed)
WHERE f.feed_cadence = 'monthly' AND NOT f.is_insurance
ORDER BY f.feed
