-- Grain: one row per case that left the list since the earlier edition and whose enterprise lies in the county; none for the city.
SELECT
    b.warning_no AS row_key,
    b.warning_no,
    b.enterprise_name,
    b.colour,
    c.left_on,
    coalesce(c.case_state, '没有记录') AS case_state,
    count(*) OVER () AS total_count
FROM earlier.out.warning AS b
LEFT JOIN out.enterprise AS e ON e.enterprise_id = b.enterprise_id
LEFT JOIN out.closed_case AS c ON c.warning_no = b.warning_no
WHERE
    coalesce(e.county_code, b.county_code) = $county
    AND b.warning_no NOT IN (SELECT warning_no FROM out.warning)
ORDER BY list_position(['红', '橙', '黄', '蓝'], b.colour), b.warning_no
