-- Grain: one row per listed enterprise in red or orange: whom it shed, whom it is expected to shed, and the order to hold a
-- fair for it, where the plan gives one.
SELECT
    w.enterprise_no,
    coalesce(w.county_code, '000000') AS county_code,
    w.county_name,
    coalesce(w.industry_division, '00') AS industry_division,
    CASE WHEN coalesce(w.industry_division, '00') = '00' THEN '行业未登记的企业' ELSE w.industry_name END AS industry_name,
    w.colour,
    w.net_loss_persons,
    w.expected_loss_persons,
    o.due_on,
    o.is_due_estimated,
    o.done_on,
    o.responsible_text
FROM edition.warning AS w
LEFT JOIN edition.work_order AS o ON o.warning_no = w.warning_no AND o.task_name = '专场招聘'
WHERE w.colour IN ('红', '橙')
ORDER BY w.enterprise_no
