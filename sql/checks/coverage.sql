-- Grain: one row, none before the first month. Months without any insurance row between the first and the latest: the
-- recent ones or the older ones.
WITH span AS (
    SELECT min(month) AS first_month, max(month) AS last_month, count(*) AS months FROM core.month_status
),
due AS (
    SELECT unnest(generate_series(first_month, last_month, to_months(1)))::DATE AS month FROM span
),
missing AS (
    SELECT d.month
    FROM due AS d
    ANTI JOIN core.month_status AS m USING (month)
    WHERE (d.month > (SELECT last_month FROM span) - to_months($gate_recent_months)) = $is_recent
),
counted AS (
    SELECT count(*) AS gaps, string_agg(strftime(month, '%Y年%m月'), '、' ORDER BY month) AS names FROM missing
)
SELECT
    '单位月度参保缴费' AS subject,
    'insurance_month' AS source,
    c.gaps AS metric,
    s.months AS row_count,
    c.gaps AS bad_row_count,
    coalesce('缺' || c.names, '月份连续') AS observed_text
FROM counted AS c, span AS s
WHERE s.months > 0
