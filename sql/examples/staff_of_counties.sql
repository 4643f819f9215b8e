-- Grain: one row per county, labour agencies left out; how many have no known staff is told beside the sum.
-- 问：各县区在册预警企业的职工占多少（派遣、代理单位除外），有多少家人数未知？
-- Question: which part of each county's insured staff works at listed enterprises, agencies left out, and whose staff is unknown?
SELECT
    e.county_name,
    count(*) AS enterprises,
    count(*) FILTER (WHERE e.insured_persons IS NULL) AS unknown_enterprises,
    sum(e.insured_persons) AS insured_persons,
    count(w.enterprise_no) AS listed_enterprises,
    coalesce(sum(w.insured_persons), 0) AS listed_persons
FROM out.enterprise AS e
LEFT JOIN out.warning AS w USING (enterprise_no)
WHERE NOT e.is_labour_agency
GROUP BY e.county_name
ORDER BY e.county_name
