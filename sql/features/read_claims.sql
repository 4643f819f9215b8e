-- Grain: one row per enterprise that claimants last worked for and month of the window.
SELECT
    enterprise_no,
    year(month) * 12 + month(month) - 1 AS ordinal,
    claim_persons,
    laid_off_claim_persons
FROM core.claim_month
WHERE
    enterprise_no BETWEEN $first_no AND $last_no
    AND month BETWEEN $first_month AND $last_month
ORDER BY enterprise_no, month
