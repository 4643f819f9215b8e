-- Grain: one row per followed enterprise and month, as core knows it today; compared with what the previous edition
-- wrote down it tells a revision from news. Left out: months without a row.
SELECT e.enterprise_id, m.month, m.insured_persons
FROM core.enterprise_month AS m
INNER JOIN core.enterprise AS e USING (enterprise_no)
WHERE
    m.month BETWEEN $first_month AND $last_month
    AND e.enterprise_id IN (SELECT unnest($tracked::VARCHAR[]))
ORDER BY e.enterprise_id, m.month
