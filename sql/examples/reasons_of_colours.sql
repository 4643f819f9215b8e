-- Grain: one row per colour and reason; an enterprise has several reasons, so rows of a colour do not add up to it.
-- 问：各等级企业主要因为什么列入？
-- Question: for which reasons are enterprises of each colour listed?
SELECT w.colour, r.reason_name, count(*) AS enterprises
FROM out.warning_reason AS r
INNER JOIN out.warning AS w USING (enterprise_no)
WHERE NOT r.is_mitigating
GROUP BY w.colour, r.reason_name
ORDER BY w.colour, enterprises DESC, r.reason_name
