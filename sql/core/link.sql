-- Grain: one row per kind of identifier, identifier and span of months. Spans are made only for units that have had more
-- than one enterprise; neighbours that lead to the same enterprise are one span.
WITH several AS (
    SELECT unit_no FROM core.insured_unit GROUP BY unit_no HAVING count(DISTINCT enterprise_no) > 1
),
link AS (
    SELECT u.* FROM core.insured_unit AS u SEMI JOIN several USING (unit_no)
),
point AS (
    SELECT DISTINCT
        unit_no,
        unnest([
            DATE '0001-01-01',
            date_trunc('month', valid_from)::DATE,
            (date_trunc('month', valid_to - INTERVAL 1 DAY) + INTERVAL 1 MONTH)::DATE
        ]) AS from_month
    FROM link
),
resolved AS (
    SELECT p.unit_no, p.from_month, u.enterprise_no, u.link_method
    FROM point AS p
    INNER JOIN link AS u USING (unit_no)
    WHERE p.from_month IS NOT NULL
    QUALIFY row_number() OVER (
        PARTITION BY p.unit_no, p.from_month
        ORDER BY
            coalesce(u.valid_from <= last_day(p.from_month), true) AND coalesce(u.valid_to > p.from_month, true) DESC,
            u.valid_from DESC NULLS LAST,
            u.enterprise_no
    ) = 1
),
turning AS (
    SELECT * FROM resolved
    QUALIFY enterprise_no IS DISTINCT FROM lag(enterprise_no) OVER (PARTITION BY unit_no ORDER BY from_month)
),
spanned AS (
    SELECT
        unit_no,
        enterprise_no,
        link_method,
        from_month,
        lead(from_month, 1, DATE '9999-01-01') OVER (PARTITION BY unit_no ORDER BY from_month) AS until_month
    FROM turning
)
SELECT 'unit' AS link_kind, unit_no AS identifier, enterprise_no, from_month, until_month, link_method FROM spanned
UNION ALL
SELECT 'unit', unit_no, enterprise_no, DATE '0001-01-01', DATE '9999-01-01', min(link_method)
FROM core.insured_unit
ANTI JOIN several USING (unit_no)
GROUP BY unit_no, enterprise_no
UNION ALL
SELECT 'enterprise', enterprise_id, enterprise_no, DATE '0001-01-01', DATE '9999-01-01', '代码' FROM core.enterprise
UNION ALL
SELECT 'customs', customs_code, enterprise_no, DATE '0001-01-01', DATE '9999-01-01', '对照' FROM core.customs_code
UNION ALL
SELECT 'name', n.name_key, e.enterprise_no, DATE '0001-01-01', DATE '9999-01-01', n.link_method
FROM core.name_link AS n
INNER JOIN core.enterprise AS e USING (enterprise_id)
