-- Grain: one row per feed and month under review (the calendar month in which rows came or were due), the recent ones.
-- What a delivery dated by lag would have known at its own due day says nothing about who was late.
WITH span AS (
    SELECT
        date_trunc('month', $cutoff::TIMESTAMP)::DATE AS last_month,
        (date_trunc('month', $cutoff::TIMESTAMP) - to_months($gate_recent_months - 1))::DATE AS first_month
),
feed_span AS (
    SELECT f.*, s.first_month, s.last_month, m.first_told, m.last_told
    FROM gate.feed AS f
    CROSS JOIN span AS s
    LEFT JOIN (SELECT feed, min(month) AS first_told, max(month) AS last_told FROM gate.feed_month GROUP BY feed) AS m
        USING (feed)
),
wanted AS (
    SELECT feed, unnest(generate_series(first_told, last_month, to_months(1)))::DATE AS month
    FROM feed_span
    WHERE feed_cadence = 'monthly' AND first_told IS NOT NULL
),
told AS (
    SELECT
        d.feed,
        date_trunc('month', p.period_on)::DATE AS month,
        min(p.known_at) FILTER (d.dated_by = 'arrival') AS first_arrived_at,
        count(*) > 0 AS is_told
    FROM ingest.delivery_period AS p
    INNER JOIN ingest.delivery AS d USING (delivery_no)
    WHERE p.period_on IS NOT NULL AND p.row_count > 0
    GROUP BY d.feed, month
),
due AS (
    SELECT
        w.feed,
        w.month AS due_month,
        w.month + to_months(1) + to_days(f.lag_days::INTEGER) AS due_at,
        t.first_arrived_at,
        t.is_told IS NULL AS is_outstanding,
        m.row_count AS due_row_count,
        m.expected_row_count
    FROM wanted AS w
    INNER JOIN gate.feed AS f USING (feed)
    LEFT JOIN told AS t USING (feed, month)
    LEFT JOIN gate.feed_month AS m USING (feed, month)
    WHERE w.month + to_months(1) + to_days(f.lag_days::INTEGER + 1) <= $cutoff
),
due_in AS (
    SELECT *, date_trunc('month', due_at)::DATE AS quality_month
    FROM due
    QUALIFY row_number() OVER (PARTITION BY feed, date_trunc('month', due_at) ORDER BY due_month DESC) = 1
),
came AS (
    SELECT
        d.feed,
        date_trunc('month', p.known_at)::DATE AS quality_month,
        count(DISTINCT p.delivery_no) AS file_count,
        sum(p.row_count)::BIGINT AS row_count,
        sum(p.quarantined_count)::BIGINT AS quarantined_count
    FROM ingest.delivery_period AS p
    INNER JOIN ingest.delivery AS d USING (delivery_no)
    GROUP BY d.feed, quality_month
),
refused AS (
    SELECT feed, date_trunc('month', received_at)::DATE AS quality_month, count(*) AS refused_count
    FROM ingest.refusal
    WHERE feed <> ''
    GROUP BY feed, quality_month
),
latest AS (
    SELECT delivery_no, feed, received_at, quarantined_count
    FROM ingest.delivery
    WHERE received_at + to_days($quality_answer_days) <= $cutoff
    QUALIFY row_number() OVER (PARTITION BY feed, batch ORDER BY received_at DESC, delivery_no DESC) = 1
),
unanswered AS (
    SELECT delivery_no, count(DISTINCT line_no) AS open_count
    FROM ingest.quarantine
    GROUP BY delivery_no
),
asked AS (
    SELECT
        l.feed,
        date_trunc('month', l.received_at)::DATE AS quality_month,
        sum(l.quarantined_count)::BIGINT AS asked_count,
        coalesce(sum(u.open_count), 0)::BIGINT AS open_count
    FROM latest AS l
    LEFT JOIN unanswered AS u USING (delivery_no)
    WHERE l.quarantined_count > 0
    GROUP BY l.feed, quality_month
),
reviewed AS (
    SELECT feed, quality_month FROM due_in
    UNION
    SELECT feed, quality_month FROM came
    UNION
    SELECT feed, quality_month FROM refused
    UNION
    SELECT feed, quality_month FROM asked
)
SELECT
    f.feed,
    f.feed_label,
    f.owner,
    f.is_required,
    r.quality_month,
    r.quality_month < f.last_month AS is_month_over,
    d.due_month,
    d.due_at,
    d.first_arrived_at,
    d.is_outstanding,
    coalesce(c.file_count, 0) AS file_count,
    coalesce(x.refused_count, 0) AS refused_count,
    coalesce(c.row_count, 0)::BIGINT AS row_count,
    coalesce(c.quarantined_count, 0)::BIGINT AS quarantined_count,
    d.due_row_count,
    d.expected_row_count,
    coalesce(a.asked_count, 0)::BIGINT AS asked_count,
    coalesce(a.open_count, 0)::BIGINT AS open_count
FROM reviewed AS r
INNER JOIN feed_span AS f USING (feed)
LEFT JOIN due_in AS d USING (feed, quality_month)
LEFT JOIN came AS c USING (feed, quality_month)
LEFT JOIN refused AS x USING (feed, quality_month)
LEFT JOIN asked AS a USING (feed, quality_month)
WHERE r.quality_month BETWEEN f.first_month AND f.last_month
ORDER BY f.feed, r.quality_month
