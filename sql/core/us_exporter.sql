-- Grain: one row per enterprise and year on the commerce bureau's list; the latest word of each.
SELECT e.enterprise_no, l.year, l.listed_on, l.listing_basis
FROM raw.us_exporter_list AS l
INNER JOIN core.enterprise AS e USING (enterprise_id)
QUALIFY row_number() OVER (
    PARTITION BY e.enterprise_no, l.year ORDER BY l.known_at DESC, l.delivery_no DESC, l.line_no
) = 1
ORDER BY e.enterprise_no, l.year
