-- Grain: one row per case of the county that came on the list or rose since the earlier edition, the gravest first; none for the city.
SELECT
    n.warning_no AS row_key,
    n.warning_no,
    n.enterprise_name,
    CASE WHEN b.warning_no IS NULL THEN '新列入' ELSE b.colour || '升' || n.colour END AS standing_text,
    n.colour,
    n.insured_persons,
    n.reasons_text,
    count(*) OVER () AS total_count
FROM out.warning AS n
LEFT JOIN earlier.out.warning AS b USING (warning_no)
WHERE
    n.county_code = $county
    AND (
        b.warning_no IS NULL
        OR list_position(['红', '橙', '黄', '蓝'], n.colour) < list_position(['红', '橙', '黄', '蓝'], b.colour)
    )
ORDER BY list_position(['红', '橙', '黄', '蓝'], n.colour), n.warning_no
