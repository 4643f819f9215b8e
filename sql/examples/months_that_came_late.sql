-- Grain: one row per feed: its newest month, and the newest month of which rows came more than 30 days after the first.
-- 问：各数据源最新到哪个月，哪些月份在首次到达30天以后还在变？
-- Question: how far does each feed reach, and which month still changed more than 30 days after it first came?
SELECT
    s.feed_label,
    s.source_state,
    max(p.month) AS latest_month,
    max(p.month) FILTER (WHERE p.latest_known_at > p.first_known_at + INTERVAL 30 DAY) AS latest_revised_month
FROM out.source_status AS s
LEFT JOIN out.source_period AS p USING (feed)
GROUP BY s.feed_label, s.source_state
ORDER BY s.feed_label
