-- Grain: one row per enterprise with a report filed within the months before the as-of date and not withdrawn.
SELECT
    enterprise_no,
    sum(cut_persons)::BIGINT AS notice_cut_persons,
    max(reported_on) AS notice_reported_on
FROM core.layoff_notice
WHERE
    enterprise_no BETWEEN $first_no AND $last_no
    AND reported_on > $as_of - to_months($notice_in_force_months)
    AND reported_on <= $as_of
    AND coalesce(notice_status <> '已撤回', true)
GROUP BY enterprise_no
ORDER BY enterprise_no
