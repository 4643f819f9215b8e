-- Grain: one row, enterprises that export to the US, and the others, in the reference month; the change is of those known in both months.
WITH grouped AS (
    SELECT
        *,
        CASE WHEN insured_change_1m_persons < 0 THEN row_number() OVER (
            PARTITION BY is_us_exporter ORDER BY insured_change_1m_persons, enterprise_id
        ) END AS place
    FROM out.enterprise
),
total AS (
    SELECT
        count(is_us_exporter) > 0 AS is_known,
        count(*) FILTER (WHERE is_us_exporter AND insured_persons > 0) AS enterprise_count,
        sum(insured_persons) FILTER (WHERE is_us_exporter)::BIGINT AS insured_persons,
        sum(insured_persons)::BIGINT AS city_persons,
        sum(insured_change_1m_persons) FILTER (WHERE is_us_exporter)::BIGINT AS net_change_persons,
        sum(previous_insured_persons) FILTER (WHERE is_us_exporter AND insured_change_1m_persons IS NOT NULL)::BIGINT
            AS base_persons,
        sum(insured_change_1m_persons) FILTER (WHERE NOT is_us_exporter)::BIGINT AS other_change_persons,
        sum(previous_insured_persons)
            FILTER (WHERE NOT is_us_exporter AND insured_change_1m_persons IS NOT NULL)::BIGINT AS other_base_persons,
        max(insured_persons) FILTER (WHERE is_us_exporter) AS largest_persons,
        max(insured_persons) FILTER (WHERE NOT coalesce(is_us_exporter, false)) AS other_largest_persons,
        max(previous_insured_persons) FILTER (WHERE is_us_exporter AND insured_change_1m_persons IS NOT NULL)
            AS base_largest_persons,
        count(*) FILTER (WHERE is_us_exporter AND insured_change_1m_persons IS NOT NULL) AS base_count,
        count(*) FILTER (WHERE is_us_exporter AND place <= $largest) AS dropped_count,
        coalesce(sum(-insured_change_1m_persons) FILTER (WHERE is_us_exporter AND place <= $largest), 0)::BIGINT
            AS dropped_persons,
        coalesce(sum(previous_insured_persons) FILTER (WHERE is_us_exporter AND place <= $largest), 0)::BIGINT
            AS dropped_base_persons,
        CASE WHEN count(insured_change_1m_persons) FILTER (WHERE is_us_exporter) > 0
            THEN count(*) FILTER (WHERE is_us_exporter AND insured_change_1m_persons < 0) END AS fallen_count,
        CASE WHEN count(arrears_months) FILTER (WHERE is_us_exporter) > 0
            THEN count(*) FILTER (WHERE is_us_exporter AND arrears_months > 0) END AS arrears_count,
        sum(export_us_12m_usd_cent) FILTER (WHERE is_us_exporter)::BIGINT AS export_us_usd_cent,
        sum(export_12m_usd_cent) FILTER (WHERE is_us_exporter AND export_us_12m_usd_cent IS NOT NULL)::BIGINT
            AS export_usd_cent
    FROM grouped
),
listed AS (
    SELECT
        count(*) AS listed_count,
        count(*) FILTER (WHERE colour = '红') AS red_count,
        count(*) FILTER (WHERE colour = '橙') AS orange_count,
        count(*) FILTER (WHERE colour = '黄') AS yellow_count,
        count(*) FILTER (WHERE colour = '蓝') AS blue_count
    FROM out.warning
    WHERE is_us_exporter
)
SELECT
    'exporter' AS row_key,
    t.*,
    l.*,
    t.insured_persons / nullif(t.city_persons, 0) AS insured_share_ratio,
    t.net_change_persons / nullif(t.base_persons, 0) AS net_change_ratio,
    t.other_change_persons / nullif(t.other_base_persons, 0) AS other_change_ratio,
    t.net_change_persons + t.dropped_persons AS without_change_persons,
    (t.net_change_persons + t.dropped_persons) / nullif(t.base_persons - t.dropped_base_persons, 0)
        AS without_change_ratio,
    t.export_us_usd_cent / nullif(t.export_usd_cent, 0) AS export_us_share_ratio
FROM total AS t
CROSS JOIN listed AS l
