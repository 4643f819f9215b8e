-- Grain: one row per enterprise that could meet a trigger today, that the previous edition followed ($tracked), or that
-- an officer put on the list by hand.
-- Left out: enterprises without a loss, an absence, an ended registration, a report or a firing reason; no trigger
-- can hold for them whatever the thresholds are.
WITH tracked AS (
    SELECT unnest($tracked::VARCHAR[]) AS enterprise_id
)
SELECT
    e.enterprise_no,
    e.enterprise_id,
    coalesce(e.enterprise_name, '登记信息缺失') AS enterprise_name,
    e.enterprise_status,
    e.deregistered_on,
    coalesce(e.county_code, '000000') AS county_code,
    coalesce(e.street_name, '未提供') AS street_name,
    coalesce(e.industry_division, '00') AS industry_division,
    coalesce(e.industry_name, CASE WHEN e.is_registered THEN '未知行业' ELSE '登记信息缺失' END) AS industry_name,
    coalesce(e.size_class, '未定') AS size_class,
    e.is_registered,
    coalesce(e.is_labour_agency, false) AS is_labour_agency,
    f.enterprise_no IS NOT NULL AS has_features,
    f.is_us_exporter,
    f.export_us_share_12m_ratio,
    f.insured_persons,
    f.previous_insured_persons,
    f.last_insured_persons,
    f.absent_months,
    f.insured_change_1m_persons,
    f.insured_change_1m_ratio,
    f.insured_change_3m_ratio,
    f.insured_change_lunar_ratio,
    f.net_loss_persons,
    f.transfer_persons,
    f.absent_loss_persons,
    f.notice_cut_persons,
    f.notice_reported_on,
    coalesce(f.completeness_text, '无参保记录') AS completeness_text,
    s.points,
    s.dimension_count,
    s.rank_city,
    s.probability,
    s.expected_loss_persons,
    o.colour AS own_colour,
    o.decided_by AS own_role,
    o.decided_at::DATE AS own_since,
    o.reason_text AS own_reason
FROM core.enterprise AS e
LEFT JOIN features.enterprise AS f USING (enterprise_no)
LEFT JOIN risk.score AS s USING (enterprise_no)
LEFT JOIN ingest.own_case AS o USING (enterprise_id)
WHERE
    f.net_loss_persons > 0
    OR f.absent_months > 0
    OR f.notice_cut_persons IS NOT NULL
    OR s.dimension_count > 0
    OR s.expected_loss_persons > 0
    OR (f.enterprise_no IS NOT NULL AND e.enterprise_status IN ('注销', '吊销'))
    OR o.enterprise_id IS NOT NULL
    OR e.enterprise_id IN (SELECT enterprise_id FROM tracked)
ORDER BY e.enterprise_id
