-- Grain: one row per instrument that some listed enterprise may have; rows do not add up, an enterprise may have several.
-- 问：在册企业可以享受哪些政策，各有几家，测算金额多少，几家还缺数据？
-- Question: which help may listed enterprises have, how many of them, for how much by estimate, and for how many does a datum lack?
SELECT
    i.instrument_name,
    i.instrument_state,
    count(*) FILTER (WHERE a.policy_answer = '符合条件') AS eligible,
    count(*) FILTER (WHERE a.policy_answer = '缺少数据') AS unknown,
    sum(a.amount_fen) FILTER (WHERE a.policy_answer = '符合条件') / 100 AS estimated_yuan
FROM out.warning AS w
INNER JOIN out.policy_answer AS a USING (enterprise_no)
INNER JOIN out.policy_instrument AS i USING (instrument_id)
GROUP BY i.instrument_id, i.instrument_name, i.instrument_state
HAVING eligible > 0 OR unknown > 0
ORDER BY eligible DESC, i.instrument_id
