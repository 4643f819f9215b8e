-- Grain: one row per complaint about unpaid wages, neither refused nor taken back.
SELECT
    enterprise_no,
    accepted_on AS happened_on,
    involved_persons
FROM core.wage_complaint
WHERE
    enterprise_no BETWEEN $first_no AND $last_no
    AND complaint_kind = '拖欠工资'
    AND coalesce(complaint_status NOT IN ('不予受理', '已撤回'), true)
    AND accepted_on BETWEEN $first_day AND $last_day
ORDER BY enterprise_no, accepted_on, case_no
