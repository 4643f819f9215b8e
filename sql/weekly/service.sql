-- Grain: one row per service that forms which came since the earlier edition say was given: how many visits. The same forms as visited.sql.
WITH told AS (
    SELECT unnest(string_split(v.services_given, '、')) AS service_name
    FROM out.visit_answer AS v
    CROSS JOIN out.edition AS e
    ANTI JOIN earlier.out.visit_answer AS h ON h.visit_no = v.visit_no
    WHERE
        v.visited_on <= e.as_of
        AND v.answer_state <> '未采纳'
        AND ($county::VARCHAR IS NULL OR v.county_code = $county)
)
SELECT service_name AS row_key, service_name, count(*) AS visit_count
FROM told
WHERE service_name <> ''
GROUP BY service_name
ORDER BY visit_count DESC, service_name
