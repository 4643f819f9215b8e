-- Grain: one row per county and per industry of the reference month: what the bulletin tells of it, the size it had
-- the month before, and the staff of its largest enterprise in both.
WITH spread AS (
    SELECT '县区' AS area_kind, county_code AS area_code, county_name AS area_name, * FROM out.county_industry_month
    UNION ALL SELECT '行业', industry_division, industry_name, * FROM out.county_industry_month
),
total AS (
    SELECT
        area_kind,
        area_code,
        min(area_name) AS area_name,
        month,
        sum(enterprise_count)::BIGINT AS enterprise_count,
        sum(insured_persons)::BIGINT AS insured_persons,
        sum(net_change_persons)::BIGINT AS net_change_persons,
        sum(net_change_persons) / nullif(sum(compared_before_persons), 0) AS net_change_ratio
    FROM spread
    WHERE month IN ($month, $month::DATE - INTERVAL 1 MONTH)
    GROUP BY area_kind, area_code, month
),
placed AS (
    SELECT '县区' AS area_kind, county_code AS area_code, insured_persons, previous_insured_persons FROM out.enterprise
    UNION ALL
    SELECT '行业', coalesce(industry_division, '00'), insured_persons, previous_insured_persons FROM out.enterprise
),
largest AS (
    SELECT
        area_kind,
        area_code,
        max(insured_persons) AS largest_persons,
        max(previous_insured_persons) AS before_largest_persons
    FROM placed
    GROUP BY area_kind, area_code
)
SELECT
    t.area_kind || '/' || t.area_code AS row_key,
    t.*,
    coalesce(g.largest_persons, 0) AS largest_persons,
    coalesce(g.before_largest_persons, 0) AS before_largest_persons,
    coalesce(b.enterprise_count, 0) AS before_count,
    coalesce(b.insured_persons, 0) AS before_persons
FROM total AS t
LEFT JOIN total AS b
    ON b.area_kind = t.area_kind AND b.area_code = t.area_code AND b.month = t.month - INTERVAL 1 MONTH
LEFT JOIN largest AS g ON g.area_kind = t.area_kind AND g.area_code = t.area_code
WHERE t.month = $month
ORDER BY t.area_kind, t.insured_persons DESC, t.area_code
