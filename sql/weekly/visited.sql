-- Grain: one row, visits made since the earlier edition: forms that count, and forms that were refused.
SELECT
    'visited' AS row_key,
    count(*) FILTER (v.answer_state <> '未采纳') AS visit_count,
    count(*) FILTER (v.answer_state = '未采纳') AS refused_visit_count
FROM out.visit_answer AS v
CROSS JOIN out.edition AS e
CROSS JOIN earlier.out.edition AS b
WHERE v.visited_on > b.as_of AND v.visited_on <= e.as_of AND ($county::VARCHAR IS NULL OR v.county_code = $county)
