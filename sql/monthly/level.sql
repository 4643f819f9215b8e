-- Grain: one row per county and industry that stands at a level, the gravest first. Carried: its month was not judged, for want of data.
SELECT
    concat_ws('/', area_kind, county_code, industry_division) AS row_key,
    area_kind,
    concat(county_name, industry_name) AS area_name,
    area_level,
    level_change,
    level_text,
    level_since,
    CASE
        WHEN area_kind = '县区行业' THEN sign_index IS NULL
        ELSE area_loss_persons IS NULL AND coalesce(large_event_count, 0) = 0
    END AS is_carried
FROM out.area
WHERE area_kind IN ('县区', '行业', '县区行业') AND area_level <> '无'
ORDER BY list_position(['Ⅰ级', 'Ⅱ级', 'Ⅲ级', 'Ⅳ级'], area_level), row_key
