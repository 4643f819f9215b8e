-- Grain: one row per feed and identifier whose rows reach no enterprise; they are told, not dropped.
SELECT
    'insurance_month' AS feed,
    r.unit_no AS identifier,
    count(*)::BIGINT AS row_count,
    '参保单位没有对应的统一社会信用代码' AS reason_text
FROM raw.insurance_month AS r
ANTI JOIN core.insured_unit AS u USING (unit_no)
GROUP BY r.unit_no
UNION ALL
SELECT
    'customs_export' AS feed,
    r.customs_code AS identifier,
    count(*)::BIGINT AS row_count,
    '海关编码没有对应的统一社会信用代码' AS reason_text
FROM raw.customs_export AS r
LEFT JOIN core.enterprise AS e USING (enterprise_id)
LEFT JOIN core.customs_code AS c USING (customs_code)
WHERE coalesce(e.enterprise_no, c.enterprise_no) IS NULL
GROUP BY r.customs_code
ORDER BY feed, identifier
