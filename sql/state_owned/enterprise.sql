-- Grain: one row per code of $codes: staff at the year's beginning (December of the year before) and in the reference month, hires of key groups
-- and posts of the year as feeds tell them; null is unknown, 0 staff is nobody insured. A code that the edition does not know has nulls.
WITH asked AS (
    SELECT unnest($codes::VARCHAR[]) AS enterprise_id
),
span AS (
    SELECT
        reference_month,
        (date_trunc('year', reference_month) - INTERVAL 1 MONTH)::DATE AS start_month
    FROM out.edition
),
told AS (
    SELECT
        enterprise_no,
        sum(year_count) FILTER (WHERE year_detail = '高校毕业生')::BIGINT AS graduate_persons,
        sum(year_count) FILTER (WHERE year_measure = '招用重点群体' AND year_detail <> '高校毕业生')::BIGINT AS other_group_persons,
        sum(year_count) FILTER (WHERE year_detail = '残疾人')::BIGINT AS disabled_persons,
        max(year_month) FILTER (WHERE year_measure = '招用重点群体') AS hired_month,
        max(year_count) FILTER (WHERE year_measure = '在招岗位') AS open_posts,
        max(year_month) FILTER (WHERE year_measure = '在招岗位') AS posts_month,
        max(year_count) FILTER (WHERE year_measure = '参保人数') AS start_persons
    FROM out.enterprise_year
    GROUP BY enterprise_no
)
SELECT
    a.enterprise_id AS row_key,
    a.enterprise_id,
    coalesce(e.enterprise_name, '没有记录') AS enterprise_name,
    coalesce(e.county_name, '没有记录') AS county_name,
    t.start_persons,
    e.insured_persons,
    e.insured_persons - t.start_persons AS year_change_persons,
    (e.insured_persons - t.start_persons) / nullif(t.start_persons, 0) AS year_change_ratio,
    t.graduate_persons,
    t.other_group_persons,
    t.disabled_persons,
    t.hired_month,
    t.open_posts,
    t.posts_month,
    s.start_month,
    s.reference_month
FROM asked AS a
CROSS JOIN span AS s
LEFT JOIN out.enterprise AS e ON e.enterprise_id = a.enterprise_id
LEFT JOIN told AS t ON t.enterprise_no = e.enterprise_no
ORDER BY e.county_code NULLS LAST, a.enterprise_id
