-- Grain: one row per county, industry division and month up to the reference month. Counties and industries are
-- today's. An enterprise absent from a complete month counts as 0, unless core.unknown_month names it; otherwise it is
-- unknown and takes no part in the change; nor does one without a row in a month before that was incomplete. Where no
-- source says who exports to the US, their number is unknown. Left out: nothing; without a county it is 000000, without an industry 00.
WITH placed AS (
    SELECT
        e.enterprise_no,
        coalesce(e.county_code, '000000') AS county_code,
        coalesce(e.industry_division, '00') AS industry_division,
        coalesce(e.industry_name, '未知行业') AS industry_name,
        f.is_us_exporter
    FROM core.enterprise AS e
    LEFT JOIN features.enterprise AS f USING (enterprise_no)
),
span AS (
    SELECT month, is_complete_month FROM core.month_status
    WHERE month > $reference_month::DATE - to_months($months::INTEGER + 1) AND month <= $reference_month
),
here AS (
    SELECT m.enterprise_no, m.month, m.insured_persons
    FROM core.enterprise_month AS m
    INNER JOIN span USING (month)
),
paired AS (
    SELECT
        coalesce(a.enterprise_no, b.enterprise_no) AS enterprise_no,
        coalesce(a.month, (b.month + INTERVAL 1 MONTH)::DATE) AS month,
        a.insured_persons,
        b.insured_persons AS insured_before
    FROM here AS a
    FULL JOIN here AS b ON a.enterprise_no = b.enterprise_no AND a.month = b.month + INTERVAL 1 MONTH
),
judged AS (
    SELECT
        p.enterprise_no,
        p.month,
        p.insured_persons,
        p.insured_before,
        q.month IS NOT NULL AS has_before,
        p.insured_persons IS NOT NULL OR (coalesce(s.is_complete_month, false) AND z.month IS NULL) AS is_known,
        CASE
            WHEN z.is_partial OR y.is_partial THEN NULL
            WHEN p.insured_persons IS NULL AND NOT (coalesce(s.is_complete_month, false) AND z.month IS NULL) THEN NULL
            WHEN p.insured_before IS NULL AND (y.month IS NOT NULL OR NOT coalesce(q.is_complete_month, false))
                THEN NULL
            ELSE coalesce(p.insured_persons, 0) - coalesce(p.insured_before, 0)
        END AS change_persons
    FROM paired AS p
    INNER JOIN span AS s ON s.month = p.month
    LEFT JOIN span AS q ON q.month = p.month - INTERVAL 1 MONTH
    LEFT JOIN core.unknown_month AS z ON z.enterprise_no = p.enterprise_no AND z.month = p.month
    LEFT JOIN core.unknown_month AS y
        ON y.enterprise_no = p.enterprise_no AND y.month = p.month - INTERVAL 1 MONTH
    WHERE p.month > $reference_month::DATE - to_months($months::INTEGER)
),
counted AS (
    SELECT
        g.county_code,
        g.industry_division,
        j.month,
        CASE WHEN bool_and(j.has_before) THEN sum(coalesce(j.insured_before, 0)) FILTER (WHERE j.change_persons IS NOT NULL)::BIGINT END
            AS compared_before_persons,
        CASE WHEN bool_and(j.has_before) THEN
            coalesce(sum(coalesce(j.insured_persons, 0) - coalesce(j.insured_before, 0)) FILTER (WHERE j.change_persons IS NULL), 0)::BIGINT
        END AS uncompared_persons,
        CASE WHEN bool_or(j.is_known) THEN count(*) FILTER (WHERE j.insured_persons > 0) END AS enterprise_count,
        CASE WHEN bool_or(j.is_known) THEN coalesce(sum(j.insured_persons), 0)::BIGINT END AS insured_persons,
        CASE WHEN bool_and(j.has_before) THEN sum(j.change_persons)::BIGINT END AS net_change_persons,
        count(*) FILTER (WHERE j.has_before AND -j.change_persons >= $large_loss_persons) AS large_loss_count,
        count(*) FILTER (WHERE j.insured_persons > 0 AND g.is_us_exporter) AS us_exporter_count,
        coalesce(sum(j.insured_persons) FILTER (WHERE g.is_us_exporter), 0)::BIGINT AS us_exporter_insured_persons
    FROM judged AS j
    INNER JOIN placed AS g USING (enterprise_no)
    GROUP BY ALL
),
coloured AS (
    SELECT
        county_code,
        industry_division,
        $reference_month::DATE AS month,
        count(*) FILTER (WHERE colour = '红') AS red_count,
        count(*) FILTER (WHERE colour = '橙') AS orange_count,
        count(*) FILTER (WHERE colour = '黄') AS yellow_count,
        count(*) FILTER (WHERE colour = '蓝') AS blue_count
    FROM edition.warning
    GROUP BY ALL
),
known AS (
    SELECT bool_or(is_us_exporter IS NOT NULL) AS exporters FROM placed
),
industry AS (
    SELECT industry_division, min(industry_name) AS industry_name FROM placed GROUP BY industry_division
)
SELECT
    $edition_id AS edition_id,
    coalesce(n.month, w.month) AS month,
    coalesce(n.county_code, w.county_code) AS county_code,
    coalesce(c.county_name, coalesce(n.county_code, w.county_code)) AS county_name,
    coalesce(n.industry_division, w.industry_division) AS industry_division,
    coalesce(i.industry_name, '未知行业') AS industry_name,
    CASE WHEN n.month IS NULL THEN 0 ELSE n.enterprise_count END AS enterprise_count,
    CASE WHEN n.month IS NULL THEN 0 ELSE n.insured_persons END AS insured_persons,
    n.net_change_persons,
    n.compared_before_persons,
    n.net_change_persons / nullif(n.compared_before_persons, 0) AS net_change_ratio,
    n.uncompared_persons,
    coalesce(n.large_loss_count, 0) AS large_loss_count,
    CASE WHEN k.exporters THEN coalesce(n.us_exporter_count, 0) END AS us_exporter_count,
    CASE WHEN k.exporters THEN coalesce(n.us_exporter_insured_persons, 0) END AS us_exporter_insured_persons,
    CASE WHEN coalesce(n.month, w.month) = $reference_month THEN coalesce(w.red_count, 0) END AS red_count,
    CASE WHEN coalesce(n.month, w.month) = $reference_month THEN coalesce(w.orange_count, 0) END AS orange_count,
    CASE WHEN coalesce(n.month, w.month) = $reference_month THEN coalesce(w.yellow_count, 0) END AS yellow_count,
    CASE WHEN coalesce(n.month, w.month) = $reference_month THEN coalesce(w.blue_count, 0) END AS blue_count
FROM counted AS n
FULL JOIN coloured AS w
    ON n.county_code = w.county_code AND n.industry_division = w.industry_division AND n.month = w.month
CROSS JOIN known AS k
LEFT JOIN edition.county AS c ON c.county_code = coalesce(n.county_code, w.county_code)
LEFT JOIN industry AS i ON i.industry_division = coalesce(n.industry_division, w.industry_division)
ORDER BY month, county_code, industry_division
