-- Grain: one row per file refused of late that no later delivery of its feed replaced. Its period is read from its name;
-- without one any later delivery of the feed replaces it.
WITH refused AS (
    SELECT
        *,
        try_cast(
            regexp_extract(file_name, '(20[0-9]{2})[-_.年]?(0[1-9]|1[0-2])', 1)
            || '-' || regexp_extract(file_name, '(20[0-9]{2})[-_.年]?(0[1-9]|1[0-2])', 2) || '-01' AS DATE
        ) AS month
    FROM ingest.refusal
    WHERE received_at >= $cutoff - to_days($gate_recent_days)
),
replaced AS (
    SELECT DISTINCT r.batch, r.received_at
    FROM refused AS r
    INNER JOIN ingest.delivery AS d ON r.feed = d.feed AND d.received_at > r.received_at
    LEFT JOIN gate.delivery_month AS m
        ON d.delivery_no = m.delivery_no AND date_trunc('month', m.period_on) = r.month
    WHERE r.month IS NULL OR m.delivery_no IS NOT NULL
)
SELECT
    '拒收文件“' || r.file_name || '”' AS subject,
    coalesce(r.feed, '') AS source,
    r.batch,
    r.received_at,
    1 AS metric,
    0 AS row_count,
    0 AS bad_row_count,
    strftime(r.received_at, '%Y年%m月%d日') || '收到，整份拒收：' || r.reason_text AS observed_text
FROM refused AS r
ANTI JOIN replaced USING (batch, received_at)
ORDER BY r.received_at, r.batch
