-- Grain: one row per visit since $first_day, known tonight, of an enterprise that $tracked names, or that names one of the
-- warnings $numbers on any day. Left out: all others; they answer no warning. A cell that landing masked, because it is none of the
-- words that the form offers, is null here and named in unread_text.
SELECT
    e.enterprise_id,
    e.enterprise_name,
    coalesce(e.county_code, '000000') AS county_code,
    f.visit_no,
    f.warning_no,
    f.visited_on,
    nullif(f.visit_mode, '***') AS visit_mode,
    nullif(f.services_given, '***') AS services_given,
    f.is_false_alarm,
    nullif(f.false_alarm_reason, '***') AS false_alarm_reason,
    nullif(f.case_outcome, '***') AS case_outcome,
    concat_ws(
        '、',
        CASE WHEN f.visit_mode = '***' THEN '走访方式' END,
        CASE WHEN f.services_given = '***' THEN '已提供服务' END,
        CASE WHEN f.case_outcome = '***' THEN '处置结果' END,
        CASE WHEN f.false_alarm_reason = '***' THEN '误报原因' END
    ) AS unread_text
FROM core.follow_up AS f
INNER JOIN core.enterprise AS e USING (enterprise_no)
WHERE
    f.visited_on <= $as_of
    AND (
        (f.visited_on >= $first_day AND e.enterprise_id IN (SELECT unnest($tracked::VARCHAR[])))
        OR f.warning_no IN (SELECT unnest($numbers::VARCHAR[]))
    )
ORDER BY e.enterprise_id, f.visited_on, f.visit_no
