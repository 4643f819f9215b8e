-- Grain: one row per month of the newest two that the last report could tell, for the city and each county, whose staff is given otherwise now:
-- was, now and why.
WITH said AS (
    SELECT '全市' AS area_code, '全市' AS area_name, month, sum(insured_persons)::BIGINT AS level
    FROM earlier.out.county_industry_month GROUP BY month
    UNION ALL
    SELECT county_code, min(county_name), month, sum(insured_persons)::BIGINT
    FROM earlier.out.county_industry_month GROUP BY county_code, month
),
here AS (
    SELECT '全市' AS area_code, month, sum(insured_persons)::BIGINT AS level
    FROM out.county_industry_month GROUP BY month
    UNION ALL
    SELECT county_code, month, sum(insured_persons)::BIGINT FROM out.county_industry_month GROUP BY county_code, month
),
known AS (
    SELECT s.month
    FROM out.source_period AS s
    CROSS JOIN earlier.out.edition AS b
    WHERE s.feed = 'insurance_month' AND s.latest_known_at > b.cutoff
),
whole AS (
    SELECT t.month, t.level <> h.level AS is_revised
    FROM said AS t INNER JOIN here AS h USING (area_code, month)
    WHERE t.area_code = '全市'
)
SELECT
    t.area_code || '/' || strftime(t.month, '%Y-%m') AS row_key,
    t.area_name,
    t.month,
    t.level AS was_persons,
    h.level AS now_persons,
    h.level - t.level AS revised_persons,
    CASE
        WHEN NOT w.is_revised THEN '企业所属县区变动，全市合计未变'
        WHEN t.month IN (SELECT month FROM known) THEN '上次报告后收到该月数据（补报或更正）'
        ELSE '企业归并、数据更正或程序变动'
    END AS revision_text
FROM said AS t
INNER JOIN here AS h USING (area_code, month)
INNER JOIN whole AS w USING (month)
CROSS JOIN earlier.out.edition AS b
WHERE t.level <> h.level AND t.month > b.reference_month - INTERVAL 2 MONTH
ORDER BY t.area_code <> '全市', t.month DESC, t.area_code
