-- Grain: one row per enterprise of the bucket and month of the window; insured persons alone, for the peers' sums.
SELECT
    enterprise_no - $first_no AS place,
    year(month) * 12 + month(month) - 1 AS ordinal,
    insured_persons
FROM core.enterprise_month
ANTI JOIN (SELECT enterprise_no, month FROM core.unknown_month WHERE is_partial) USING (enterprise_no, month)
WHERE
    enterprise_no BETWEEN $first_no AND $last_no
    AND month BETWEEN $first_month AND $last_month
