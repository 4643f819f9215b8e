-- Grain: one row per earlier year: what the month that comes next did then, the whole city; the newest year first.
SELECT
    strftime(month, '%Y-%m') AS row_key,
    month,
    sum(net_change_persons)::BIGINT AS net_change_persons
FROM out.county_industry_month
WHERE month <= $month AND month(month) = month($month::DATE + INTERVAL 1 MONTH)
GROUP BY month
HAVING sum(net_change_persons) IS NOT NULL
ORDER BY month DESC
LIMIT 3
