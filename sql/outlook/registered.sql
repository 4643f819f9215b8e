-- Grain: one row per measure, key group, county and month of which a department told; of claims and hires the county is that
-- of the enterprise last insured with, or hiring. Left out: months after the reference month.
WITH placed AS (
    SELECT enterprise_no, coalesce(county_code, '000000') AS county_code FROM core.enterprise
),
told AS (
    SELECT '申领失业保险金' AS caseload_kind, '合计' AS caseload_group, p.county_code, c.month, c.claim_persons AS persons
    FROM core.claim_month AS c INNER JOIN placed AS p USING (enterprise_no)
    UNION ALL
    SELECT '因裁减关闭申领', '合计', p.county_code, c.month, c.laid_off_claim_persons
    FROM core.claim_month AS c INNER JOIN placed AS p USING (enterprise_no)
    UNION ALL
    SELECT '新增登记失业', '合计', county_code, month, newly_registered_persons FROM core.unemployment_registration
    UNION ALL
    SELECT '重点群体招用', h.key_group, p.county_code, h.month, h.group_hired_persons
    FROM core.hire_group_month AS h INNER JOIN placed AS p USING (enterprise_no)
)
SELECT caseload_kind, caseload_group, county_code, month, sum(persons)::BIGINT AS persons
FROM told
WHERE persons IS NOT NULL AND month <= $reference_month::DATE
GROUP BY ALL
ORDER BY ALL
