-- Grain: one row per instrument that enterprises can still have on the day: its deadline, and how many listed enterprises meet its conditions.
SELECT
    i.instrument_id AS row_key,
    i.instrument_name,
    i.deadline_text,
    i.departments_text,
    i.is_judged,
    i.ends_on,
    count(a.enterprise_no) FILTER (WHERE a.policy_answer = '符合条件') AS eligible_count,
    count(a.enterprise_no) FILTER (WHERE a.policy_answer = '缺少数据') AS unknown_count
FROM out.policy_instrument AS i
LEFT JOIN (
    SELECT p.* FROM out.policy_answer AS p INNER JOIN out.warning AS w USING (enterprise_no)
) AS a USING (instrument_id)
WHERE i.instrument_state = '征求意见稿期内' AND contains(i.beneficiary, '企业')
GROUP BY ALL
ORDER BY i.ends_on NULLS LAST, i.instrument_id
