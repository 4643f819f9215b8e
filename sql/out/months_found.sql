-- Grain: one row per month of a published file. Every column is read: a damaged block says so here, not at an analyst's.
SELECT
    month,
    count(*) AS row_count,
    sum(enterprise_no)::BIGINT AS enterprise_numbers,
    coalesce(sum(insured_persons), 0)::BIGINT AS insured_persons,
    bit_xor(hash(m)) AS everything
FROM out.enterprise_month AS m
GROUP BY month
ORDER BY month
