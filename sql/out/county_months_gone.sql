-- Grain: what goes from a county's copied file: months that changed, and every month of who moved between counties.
DELETE FROM published.out.enterprise_month
WHERE
    month IN (SELECT unnest($months::DATE[]))
    OR enterprise_no IN (SELECT unnest($moved::BIGINT[]))
