-- Grain: one row, forms that came since the earlier edition: of visits made since then, on its own day too (it is issued in the small
-- hours); of visits made before it, which come late; and those that were refused. Left out: forms that the earlier edition had heard.
SELECT
    'visited' AS row_key,
    count(*) FILTER (v.answer_state <> '未采纳' AND v.visited_on >= b.as_of) AS visit_count,
    count(*) FILTER (v.answer_state <> '未采纳' AND v.visited_on < b.as_of) AS late_visit_count,
    count(*) FILTER (v.answer_state = '未采纳') AS refused_visit_count
FROM out.visit_answer AS v
CROSS JOIN out.edition AS e
CROSS JOIN earlier.out.edition AS b
ANTI JOIN earlier.out.visit_answer AS h ON h.visit_no = v.visit_no
WHERE v.visited_on <= e.as_of AND ($county::VARCHAR IS NULL OR v.county_code = $county)
