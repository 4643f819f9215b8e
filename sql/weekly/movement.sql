-- Grain: one row per county with a case now or then and one for the city (or the county asked for): what came on and left the list
-- since the earlier edition. Cases are told apart by their number; an enterprise that lies in another county than then
-- moved out of one and into the other, whether it is still listed or not.
WITH moved AS (
    SELECT
        b.county_code AS was_code,
        coalesce(n.county_code, e.county_code, b.county_code) AS at_code,
        b.warning_no IS NOT NULL AS was_listed,
        n.warning_no IS NOT NULL AS is_listed,
        list_position(['红', '橙', '黄', '蓝'], n.colour) AS grade_now,
        list_position(['红', '橙', '黄', '蓝'], b.colour) AS grade_before
    FROM out.warning AS n
    FULL JOIN earlier.out.warning AS b USING (warning_no)
    LEFT JOIN out.enterprise AS e ON e.enterprise_id = b.enterprise_id
),
place AS (
    SELECT was_code AS area_code FROM moved WHERE was_listed
    UNION SELECT at_code FROM moved
    UNION SELECT county_code FROM out.county_industry_month
    UNION SELECT '全市'
),
placed AS (
    SELECT
        p.area_code,
        m.* EXCLUDE (was_code, at_code),
        m.was_listed AND (p.area_code = '全市' OR m.was_code = p.area_code) AS was_here,
        p.area_code = '全市' OR m.at_code = p.area_code AS is_here
    FROM place AS p
    LEFT JOIN moved AS m ON p.area_code IN ('全市', m.was_code, m.at_code)
),
named AS (
    SELECT county_code, county_name FROM out.county_industry_month
    UNION SELECT county_code, county_name FROM out.warning
    UNION SELECT county_code, county_name FROM earlier.out.warning
)
SELECT
    p.area_code AS row_key,
    coalesce((SELECT min(county_name) FROM named WHERE county_code = p.area_code), p.area_code) AS area_name,
    count(*) FILTER (was_here) AS previous_count,
    count(*) FILTER (is_here AND is_listed AND NOT was_listed) AS entered_count,
    count(*) FILTER (is_here AND was_listed AND NOT was_here) AS moved_in_count,
    count(*) FILTER (is_here AND was_listed AND NOT is_listed) AS left_count,
    count(*) FILTER (was_here AND NOT is_here) AS moved_out_count,
    count(*) FILTER (is_here AND is_listed) AS case_count,
    count(*) FILTER (is_here AND grade_now < grade_before) AS raised_count,
    count(*) FILTER (is_here AND grade_now > grade_before) AS lowered_count
FROM placed AS p
WHERE $county::VARCHAR IS NULL OR p.area_code = $county
GROUP BY p.area_code
ORDER BY p.area_code = '全市', p.area_code
