-- Grain: one row per enterprise left, enterprise joined and month of the window; left out: moves within one enterprise.
SELECT
    from_enterprise_no AS enterprise_no,
    to_enterprise_no,
    year(month) * 12 + month(month) - 1 AS ordinal,
    moved_persons
FROM core.labour_flow_month
WHERE
    from_enterprise_no BETWEEN $first_no AND $last_no
    AND from_enterprise_no <> to_enterprise_no
    AND month BETWEEN $first_month AND $last_month
ORDER BY from_enterprise_no, to_enterprise_no, month
