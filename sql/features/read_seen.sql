-- Grain: one row per enterprise with an insurance row before $first_month. What is not known of a month says nothing from
-- $window_month on, where the kernel looks; before, any row counts.
SELECT DISTINCT enterprise_no
FROM core.enterprise_month
ANTI JOIN (SELECT enterprise_no, month FROM core.unknown_month WHERE is_partial AND month >= $window_month)
    USING (enterprise_no, month)
WHERE enterprise_no BETWEEN $first_no AND $last_no AND month < $first_month
ORDER BY enterprise_no
