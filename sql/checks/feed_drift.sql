-- Grain: one row per feed with columns of numbers in two months a year apart. How many of them look otherwise now.
SELECT
    f.feed_label AS subject,
    d.feed AS source,
    max(d.month) AS month,
    count(*) FILTER (d.is_drifted) AS metric,
    max(d.row_count) AS row_count,
    0 AS bad_row_count,
    coalesce(
        string_agg(d.column_label || 'PSI为' || d.stability_index, '、' ORDER BY d.stability_index DESC, d.column_name)
        FILTER (d.is_drifted),
        count(*) || '个字段分布平稳'
    ) AS observed_text
FROM gate.feed_drift AS d
INNER JOIN gate.feed AS f USING (feed)
WHERE d.stability_index IS NOT NULL
GROUP BY d.feed, f.feed_label
ORDER BY d.feed
