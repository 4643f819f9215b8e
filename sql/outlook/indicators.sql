-- Grain: one row per enterprise of $least_persons insured and more that is no labour agency: what goes before reductions, each
-- turned so that larger is worse. Where a department tells nothing of an enterprise the value is null.
SELECT
    f.enterprise_no,
    coalesce(e.county_code, '000000') AS county_code,
    coalesce(e.industry_division, '00') AS industry_division,
    f.insured_persons,
    (f.joiners_3m_year_ago_persons - f.joiners_3m_persons) / (f.joiners_3m_year_ago_persons + f.joiners_3m_persons + 1.0) AS fewer_joiners,
    f.leavers_3m_persons / nullif(f.insured_persons, 0) AS leavers,
    f.high_base_leaver_excess_ratio AS better_paid_leavers,
    -f.insured_change_1m_ratio AS staff_1m,
    -f.insured_change_3m_ratio AS staff_3m,
    -f.payroll_change_3m_ratio AS staff_taxed,
    -f.base_per_person_change_12m_ratio AS wage_base,
    f.arrears_months AS arrears,
    f.idle_ratio AS idle,
    -f.open_posts_change_12m_ratio AS posts_12m,
    -f.open_posts_3m_change_ratio AS posts_3m,
    -f.orders_3m_change_ratio AS orders,
    -f.capacity_use_change_3m_ratio AS capacity_use,
    -f.export_us_3m_change_ratio AS exports_us,
    -f.power_change_lunar_ratio AS power_12m,
    -f.power_3m_change_ratio AS power_3m,
    -f.invoiced_3m_change_ratio AS invoices
FROM features.enterprise AS f
INNER JOIN core.enterprise AS e USING (enterprise_no)
WHERE f.insured_persons >= $least_persons AND NOT coalesce(e.is_labour_agency, false)
ORDER BY f.enterprise_no
