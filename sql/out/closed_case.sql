-- Grain: one row per case that left the list within the months that a closed case is remembered. Left out of a county's file:
-- cases of enterprises that lie in another county by now; of one that is in no delivery any more, the county is the case's.
SELECT c.*
FROM edition.closed_case AS c
LEFT JOIN core.enterprise AS e USING (enterprise_id)
WHERE
    $county_code IS NULL
    OR (
        c.county_code = $county_code
        AND (e.enterprise_id IS NULL OR coalesce(e.county_code, '000000') = $county_code)
    )
