-- Grain: one row per month of the listed enterprise of best rank, with what is due and neither paid nor deferred.
-- 问：排位最前的在册企业近十三个月参保和养老保险欠缴情况如何？
-- Question: staff and pension contributions due, neither paid nor deferred, of the listed enterprise of best rank, thirteen months?
SELECT
    w.enterprise_name,
    m.month,
    m.insured_persons,
    m.leavers_persons,
    (m.due_pension_fen - m.paid_pension_fen - coalesce(m.deferred_pension_fen, 0)) / 100 AS pension_arrears_yuan
FROM out.enterprise_month AS m
INNER JOIN (FROM out.warning ORDER BY rank_city, enterprise_id LIMIT 1) AS w USING (enterprise_no)
ORDER BY m.month DESC
LIMIT 13
