-- Grain: one row per measure, key group, county and month of which a department told; of claims and hires the county is that
-- of the enterprise last insured with, or hiring. The city does not add what a zone reports where the county around it reports
-- it too. Left out: months after the reference month.
WITH placed AS (
    SELECT enterprise_no, coalesce(county_code, '000000') AS county_code FROM core.enterprise
),
told AS (
    SELECT '申领失业保险金' AS caseload_kind, '合计' AS caseload_group, p.county_code, c.month, false AS is_reported, c.claim_persons AS persons
    FROM core.claim_month AS c INNER JOIN placed AS p USING (enterprise_no)
    UNION ALL
    SELECT '因裁减关闭申领', '合计', p.county_code, c.month, false, c.laid_off_claim_persons
    FROM core.claim_month AS c INNER JOIN placed AS p USING (enterprise_no)
    UNION ALL
    SELECT '新增登记失业', '合计', county_code, month, true, newly_registered_persons FROM core.unemployment_registration
    UNION ALL
    SELECT '重点群体招用', h.key_group, p.county_code, h.month, false, h.group_hired_persons
    FROM core.hire_group_month AS h INNER JOIN placed AS p USING (enterprise_no)
)
SELECT
    t.caseload_kind,
    t.caseload_group,
    t.county_code,
    t.month,
    NOT t.is_reported OR c.within_county_code IS NULL AS in_city_sum,
    sum(t.persons)::BIGINT AS persons
FROM told AS t
LEFT JOIN edition.county AS c USING (county_code)
WHERE t.persons IS NOT NULL AND t.month <= $reference_month::DATE
GROUP BY ALL
ORDER BY ALL
