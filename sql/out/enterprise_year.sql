-- Grain: one row per enterprise, measure and detail of the reference month's calendar year: what the feeds tell of what it did, and
-- its insured persons of December before. Left out: a December of which nothing is known; where its roll is complete and has no row, nobody was insured.
WITH span AS (
    SELECT
        date_trunc('year', reference_month)::DATE AS first,
        reference_month AS last,
        (date_trunc('year', reference_month) - INTERVAL 1 MONTH)::DATE AS before
    FROM edition.edition
),
told AS (
    SELECT
        h.enterprise_no,
        '招用重点群体' AS year_measure,
        h.key_group AS year_detail,
        h.month,
        h.group_hired_persons::BIGINT AS persons
    FROM core.hire_group_month AS h
    INNER JOIN span AS s ON h.month >= s.first AND h.month <= s.last
    UNION ALL
    SELECT v.enterprise_no, '在招岗位', '月度最多', v.month, sum(v.posts)::BIGINT
    FROM core.vacancy_month AS v
    INNER JOIN span AS s ON v.month >= s.first AND v.month <= s.last
    GROUP BY v.enterprise_no, v.month
    UNION ALL
    SELECT e.enterprise_no, '参保人数', '上年12月', s.before, coalesce(m.insured_persons, 0)
    FROM core.enterprise AS e
    CROSS JOIN span AS s
    LEFT JOIN core.enterprise_month AS m ON m.enterprise_no = e.enterprise_no AND m.month = s.before
    LEFT JOIN core.month_status AS d ON d.month = s.before
    ANTI JOIN core.unknown_month AS u ON u.enterprise_no = e.enterprise_no AND u.month = s.before
    WHERE m.enterprise_no IS NOT NULL OR d.is_complete_month
)
SELECT
    t.enterprise_no,
    t.year_measure,
    t.year_detail,
    max(t.month) AS year_month,
    CASE WHEN t.year_measure = '在招岗位' THEN max(t.persons) ELSE sum(t.persons) END::BIGINT AS year_count
FROM told AS t
INNER JOIN core.enterprise AS e USING (enterprise_no)
WHERE
    t.persons IS NOT NULL
    AND ($county_code IS NULL OR coalesce(e.county_code, '000000') = $county_code)
GROUP BY t.enterprise_no, t.year_measure, t.year_detail
