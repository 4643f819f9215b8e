-- Grain: one row per county and month, of the months as core knows them; the unknown county too.
SELECT
    coalesce(e.county_code, '000000') AS county_code,
    m.month,
    count(*) AS row_count,
    sum(m.enterprise_no)::BIGINT AS enterprise_numbers,
    coalesce(sum(m.insured_persons), 0)::BIGINT AS insured_persons
FROM core.enterprise_month AS m
LEFT JOIN core.enterprise AS e USING (enterprise_no)
GROUP BY ALL
ORDER BY ALL
