-- Grain: one row per enterprise that lies in another county than in the last published file, or in only one of the two;
-- with the county that it left, null for one that is new.
SELECT
    enterprise_no,
    b.county_code AS left_county_code
FROM base.out.enterprise AS b
FULL JOIN core.enterprise AS e USING (enterprise_no)
WHERE
    e.enterprise_no IS NULL
    OR b.county_code IS DISTINCT FROM coalesce(e.county_code, '000000')
ORDER BY enterprise_no
