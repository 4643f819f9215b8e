-- Grain: one row per filter and colour of the enterprises that it kept off the list.
-- 问：哪些触发条件的企业没有列入名单，为什么？
-- Question: which enterprises met a trigger and are not listed, by reason?
SELECT filter_text, colour, count(*) AS enterprises, sum(insured_persons) AS insured_persons
FROM out.filtered
GROUP BY filter_text, colour
ORDER BY enterprises DESC, filter_text, colour
