-- Grain: one row per month of the last thirteen, the reference month the last: the whole city.
SELECT
    strftime(month, '%Y-%m') AS row_key,
    month,
    sum(insured_persons)::BIGINT AS insured_persons,
    sum(net_change_persons)::BIGINT AS net_change_persons,
    sum(large_loss_count)::BIGINT AS large_loss_count
FROM out.county_industry_month
WHERE month > $month::DATE - INTERVAL 13 MONTH AND month <= $month
GROUP BY month
ORDER BY month
