-- Grain: one row per county, industry division and field of the job plan: posts open in the newest month that the feed
-- tells, and the month. Left out: posts of enterprises in red or orange, which shed staff and take nobody on.
WITH newest AS (
    SELECT max(month) AS month FROM core.vacancy_month
)
SELECT
    coalesce(e.county_code, '000000') AS county_code,
    coalesce(c.county_name, '未知县区') AS county_name,
    coalesce(e.industry_division, '00') AS industry_division,
    coalesce(e.industry_name, '未知行业') AS industry_name,
    coalesce(v.job_field, '未填领域') AS job_field,
    v.month,
    sum(v.posts)::BIGINT AS posts,
    list(DISTINCT v.enterprise_no ORDER BY v.enterprise_no) AS posting_enterprises
FROM core.vacancy_month AS v
INNER JOIN newest AS n USING (month)
INNER JOIN core.enterprise AS e USING (enterprise_no)
LEFT JOIN edition.county AS c ON c.county_code = coalesce(e.county_code, '000000')
ANTI JOIN (SELECT enterprise_no FROM edition.warning WHERE colour IN ('红', '橙')) AS w ON w.enterprise_no = v.enterprise_no
GROUP BY ALL
ORDER BY ALL
