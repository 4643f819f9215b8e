-- Grain: one row per measure, detail, county and month. Left out: rows whose enterprise is unknown. What the county of an
-- enterprise tells is counted once; what counties report may lie in the reports of another.
WITH services AS (
    SELECT * FROM core.jobseeker_month
),
registered AS (
    SELECT * FROM core.unemployment_registration
),
placed AS (
    SELECT enterprise_no, coalesce(county_code, '000000') AS county_code FROM core.enterprise
),
hires AS (
    SELECT p.county_code, h.month, h.key_group, h.group_hired_persons
    FROM core.hire_group_month AS h INNER JOIN placed AS p USING (enterprise_no)
),
claims AS (
    SELECT p.county_code, c.month, c.claim_persons, c.laid_off_claim_persons
    FROM core.claim_month AS c INNER JOIN placed AS p USING (enterprise_no)
),
monitored AS (
    SELECT p.county_code, m.*
    FROM core.monitor_month AS m INNER JOIN placed AS p USING (enterprise_no)
),
told AS (
    SELECT '岗位需求' AS market_measure, '合计' AS market_detail, county_code, month, true AS is_reported, demand_posts AS persons FROM services
    UNION ALL SELECT '登记求职', '合计', county_code, month, true, jobseeker_persons FROM services
    UNION ALL SELECT '介绍成功', '合计', county_code, month, true, placed_persons FROM services
    UNION ALL SELECT '期末登记失业', '合计', county_code, month, true, registered_unemployed_persons FROM registered
    UNION ALL SELECT '新增登记失业', '合计', county_code, month, true, newly_registered_persons FROM registered
    UNION ALL SELECT '失业人员再就业', '合计', county_code, month, true, reemployed_persons FROM registered
    UNION ALL SELECT '重点群体招用', key_group, county_code, month, false, group_hired_persons FROM hires
    UNION ALL SELECT '申领失业保险金', '合计', county_code, month, false, claim_persons FROM claims
    UNION ALL SELECT '因裁减关闭申领', '合计', county_code, month, false, laid_off_claim_persons FROM claims
    UNION ALL SELECT '监测企业', '合计', county_code, month, false, 1 FROM monitored
    UNION ALL SELECT '监测企业用工', '合计', county_code, month, false, surveyed_persons FROM monitored
    UNION ALL SELECT '监测企业新招', '合计', county_code, month, false, hired_persons FROM monitored
    UNION ALL
    SELECT '监测企业减员', coalesce(reduction_kind, '未填类型'), county_code, month, false, separated_persons FROM monitored
    UNION ALL SELECT '监测企业待岗', '合计', county_code, month, false, idle_persons FROM monitored
)
SELECT
    e.edition_id,
    t.market_measure,
    t.market_detail,
    t.county_code,
    coalesce(c.county_name, '未知县区') AS county_name,
    t.month,
    NOT t.is_reported OR c.within_county_code IS NULL AS in_city_sum,
    sum(t.persons)::BIGINT AS market_count
FROM told AS t
CROSS JOIN edition.edition AS e
LEFT JOIN edition.county AS c ON c.county_code = t.county_code
WHERE t.persons IS NOT NULL AND ($county_code IS NULL OR t.county_code = $county_code)
GROUP BY ALL
