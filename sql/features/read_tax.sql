-- Grain: one row per enterprise of the bucket with a tax record and month of the window.
SELECT
    enterprise_no,
    year(month) * 12 + month(month) - 1 AS ordinal,
    invoiced_fen,
    payroll_persons,
    payroll_fen,
    is_zero_vat::BIGINT AS is_zero_vat
FROM core.tax_month
WHERE
    enterprise_no BETWEEN $first_no AND $last_no
    AND month BETWEEN $first_month AND $last_month
