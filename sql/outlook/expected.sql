-- Grain: one row per county: jobs that the model expects to be lost in the next three months, in tenths; null without a
-- model. Left out: labour agencies.
SELECT
    coalesce(e.county_code, '000000') AS county_code,
    sum(round(s.expected_loss_persons * 10)::BIGINT)::BIGINT AS tenths
FROM core.enterprise AS e
INNER JOIN risk.score AS s USING (enterprise_no)
WHERE NOT coalesce(e.is_labour_agency, false)
GROUP BY ALL
ORDER BY ALL
