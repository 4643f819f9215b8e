-- Grain: one row per instrument that was judged and county: how many enterprises may have it now, of how many that stays
-- open, what it is worth and to how many of the former no sum can be said.
SELECT
    a.instrument_id,
    coalesce(e.county_code, '000000') AS county_code,
    count(*) FILTER (a.policy_answer = '符合条件') AS eligible_count,
    count(*) FILTER (a.policy_answer = '缺少数据') AS unknown_count,
    sum(a.amount_fen) FILTER (a.policy_answer = '符合条件')::BIGINT AS amount_fen
FROM edition.policy_answer AS a
INNER JOIN core.enterprise AS e USING (enterprise_no)
GROUP BY ALL
ORDER BY ALL
