-- Grain: one row per visit since $first_day, known tonight, of an enterprise that $tracked names. Left out: visits of
-- enterprises that are not on the list and were not found to be a false alarm; they answer no warning.
SELECT
    e.enterprise_id,
    e.enterprise_name,
    coalesce(e.county_code, '000000') AS county_code,
    f.visit_no,
    f.warning_no,
    f.visited_on,
    f.visit_mode,
    f.services_given,
    f.is_false_alarm,
    f.false_alarm_reason,
    f.case_outcome
FROM core.follow_up AS f
INNER JOIN core.enterprise AS e USING (enterprise_no)
WHERE
    f.visited_on BETWEEN $first_day AND $as_of
    AND e.enterprise_id IN (SELECT unnest($tracked::VARCHAR[]))
ORDER BY e.enterprise_id, f.visited_on, f.visit_no
