-- Grain: one row per county, per county and industry division with losses or posts, and one for the city. Left out: the
-- numbers of cells that are withheld, and of a county's file other counties and the city.
SELECT
    * REPLACE (
        CASE WHEN NOT is_withheld THEN enterprise_count END AS enterprise_count,
        CASE WHEN NOT is_withheld THEN loss_persons END AS loss_persons,
        CASE WHEN NOT is_withheld THEN open_posts END AS open_posts,
        CASE WHEN NOT is_withheld THEN posting_enterprise_count END AS posting_enterprise_count,
        CASE WHEN NOT is_withheld THEN unmatched_persons END AS unmatched_persons,
        CASE WHEN NOT is_withheld THEN spare_posts END AS spare_posts,
        CASE WHEN NOT is_withheld THEN training_persons END AS training_persons,
        CASE WHEN is_withheld THEN '企业家数过少，不对外列数' ELSE absorption_text END AS absorption_text
    )
FROM outlook.absorption
WHERE $county_code IS NULL OR county_code = $county_code
