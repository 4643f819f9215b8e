-- Grain: one row per monthly feed. Rows of its latest month in % of the median of the six before; null where that is too
-- small for a share to mean anything. Left out: insurance, judged by volume.sql.
WITH latest AS (
    SELECT *, CASE WHEN expected_row_count >= $feed_rows_least THEN expected_row_count END AS median_row_count
    FROM gate.feed_month
    QUALIFY row_number() OVER (PARTITION BY feed ORDER BY month DESC) = 1
)
SELECT
    f.feed_label AS subject,
    f.feed AS source,
    m.month,
    m.row_count * 100.0 / m.median_row_count AS metric,
    m.row_count,
    greatest(0, coalesce(m.median_row_count - m.row_count, 0)) AS bad_row_count,
    strftime(m.month, '%Y年%m月') || m.row_count || '行' || coalesce(
        '，中位数' || m.median_row_count || '行，为其' || round(m.row_count * 100.0 / m.median_row_count, 1) || '%',
        '，行数少，不比较'
    ) AS observed_text
FROM latest AS m
INNER JOIN gate.feed AS f USING (feed)
WHERE f.feed_cadence = 'monthly' AND NOT f.is_insurance
ORDER BY f.feed
