-- Grain: one row per county and industry of the reference month and one for the city, each with its change as it is and without
-- the $largest enterprises that lost most persons there; the worst first.
WITH cell AS (
    SELECT * FROM out.county_industry_month WHERE month = $month
),
spread AS (
    SELECT '全市' AS area_kind, '全市' AS area_code, '全市' AS area_name, * FROM cell
    UNION ALL SELECT '县区', county_code, county_name, * FROM cell
    UNION ALL SELECT '行业', industry_division, industry_name, * FROM cell
),
total AS (
    SELECT
        area_kind,
        area_code,
        min(area_name) AS area_name,
        sum(enterprise_count)::BIGINT AS enterprise_count,
        sum(insured_persons)::BIGINT AS insured_persons,
        sum(net_change_persons)::BIGINT AS net_change_persons,
        sum(compared_before_persons)::BIGINT AS base_persons,
        sum(large_loss_count)::BIGINT AS large_loss_count,
        sum(red_count)::BIGINT AS red_count,
        sum(orange_count)::BIGINT AS orange_count,
        sum(yellow_count)::BIGINT AS yellow_count,
        sum(blue_count)::BIGINT AS blue_count
    FROM spread
    GROUP BY area_kind, area_code
),
loser AS (
    SELECT
        enterprise_id,
        county_code,
        coalesce(industry_division, '00') AS industry_division,
        -insured_change_1m_persons AS lost_persons,
        previous_insured_persons
    FROM out.enterprise
    WHERE insured_change_1m_persons < 0
),
placed AS (
    SELECT '全市' AS area_kind, '全市' AS area_code, * FROM loser
    UNION ALL SELECT '县区', county_code, * FROM loser
    UNION ALL SELECT '行业', industry_division, * FROM loser
),
ranked AS (
    SELECT
        *,
        row_number() OVER (PARTITION BY area_kind, area_code ORDER BY lost_persons DESC, enterprise_id) AS place
    FROM placed
),
dropped AS (
    SELECT
        area_kind,
        area_code,
        count(*) AS dropped_count,
        sum(lost_persons)::BIGINT AS dropped_persons,
        sum(previous_insured_persons)::BIGINT AS dropped_base_persons
    FROM ranked
    WHERE place <= $largest
    GROUP BY area_kind, area_code
)
SELECT
    t.area_kind || '/' || t.area_code AS row_key,
    t.*,
    t.net_change_persons / nullif(t.base_persons, 0) AS net_change_ratio,
    coalesce(d.dropped_count, 0) AS dropped_count,
    coalesce(d.dropped_persons, 0) AS dropped_persons,
    t.net_change_persons + coalesce(d.dropped_persons, 0) AS without_change_persons,
    (t.net_change_persons + coalesce(d.dropped_persons, 0))
    / nullif(t.base_persons - coalesce(d.dropped_base_persons, 0), 0) AS without_change_ratio
FROM total AS t
LEFT JOIN dropped AS d USING (area_kind, area_code)
ORDER BY t.area_kind, t.net_change_persons NULLS LAST, t.area_code
