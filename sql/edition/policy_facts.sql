-- Grain: one row per enterprise that is insured in the reference month or was listed tonight ($listed): what the rules
-- of policy may know of it. Sums of a year are null unless every month of it is there: missing is not zero. Where a
-- feed never came its facts are null; where it came an enterprise without rows has none.
WITH paid_year AS (
    SELECT
        m.enterprise_no,
        max(m.insured_persons) FILTER (month(m.month) = 1) AS january_persons,
        max(m.insured_persons) FILTER (month(m.month) = 12) AS december_persons,
        sum(m.insured_persons) / 12.0 AS mean_persons,
        CASE WHEN count(m.paid_unemployment_fen) = count(*) THEN sum(m.paid_unemployment_fen)::BIGINT END AS premium_fen,
        CASE
            WHEN count(m.paid_unemployment_fen) = count(*) AND count(m.due_unemployment_fen) = count(*)
                THEN count(*) FILTER (m.due_unemployment_fen > 0 AND m.paid_unemployment_fen >= m.due_unemployment_fen)
        END AS premium_months
    FROM core.enterprise_month AS m
    WHERE m.month >= make_date($year - 1, 1, 1) AND m.month < make_date($year, 1, 1)
    GROUP BY m.enterprise_no
),
known AS (
    SELECT
        count(*) FILTER (is_complete_month AND month >= make_date($year - 1, 1, 1) AND month < make_date($year, 1, 1)) AS before,
        count(*) FILTER (is_complete_month AND month >= make_date($year, 1, 1) AND month <= $reference_month::DATE) AS own
    FROM core.month_status
),
own_year AS (
    SELECT
        m.enterprise_no,
        max(m.insured_persons) FILTER (month(m.month) = 1) AS year_january_persons,
        sum(m.insured_persons)::BIGINT AS year_sum_persons
    FROM core.enterprise_month AS m
    WHERE m.month >= make_date($year, 1, 1) AND m.month <= $reference_month::DATE
    GROUP BY m.enterprise_no
),
sold AS (
    SELECT t.enterprise_no, sum(t.invoiced_fen)::BIGINT AS revenue_12m_fen
    FROM core.tax_month AS t
    WHERE t.month > (SELECT max(month) FROM core.tax_month) - INTERVAL 12 MONTH
    GROUP BY t.enterprise_no
    HAVING count(t.invoiced_fen) = 12
),
hired AS (
    SELECT
        h.enterprise_no,
        sum(h.group_hired_persons) FILTER (
            h.key_group IN ('高校毕业生', '登记失业青年') AND h.month BETWEEN $hired_since::DATE AND $hired_until::DATE
        )::BIGINT AS expansion_hired_persons,
        sum(h.group_hired_persons) FILTER (h.month > $reference_month::DATE - INTERVAL 12 MONTH)::BIGINT AS key_hired_persons
    FROM core.hire_group_month AS h
    WHERE h.month >= least($hired_since::DATE, $reference_month::DATE - INTERVAL 12 MONTH)
    GROUP BY h.enterprise_no
),
shamed AS (
    SELECT DISTINCT c.enterprise_no FROM core.credit_event AS c
    WHERE c.credit_kind = '严重违法失信' AND c.occurred_on <= $as_of::DATE AND (c.ended_on IS NULL OR c.ended_on > $as_of::DATE)
),
arrived AS (
    SELECT
        coalesce(bool_or(feed = 'hire_group_month' AND source_state <> '缺失'), false) AS hires,
        coalesce(bool_or(feed = 'credit_event' AND source_state <> '缺失'), false) AS credit
    FROM core.source_status
)
SELECT
    e.enterprise_no,
    coalesce(e.county_code, '000000') AS county_code,
    e.enterprise_status,
    coalesce(e.is_labour_agency, false) AS is_labour_agency,
    e.industry_code,
    e.size_class,
    f.insured_persons,
    s.revenue_12m_fen,
    f.is_us_exporter,
    f.tariff_exposure_ratio,
    CASE WHEN a.credit THEN d.enterprise_no IS NOT NULL END AS is_dishonest,
    f.insured_change_12m_ratio,
    f.arrears_months,
    p.premium_fen,
    CASE WHEN k.before = 12 THEN CASE WHEN p.enterprise_no IS NULL THEN 0 ELSE p.premium_months END END AS premium_months,
    p.january_persons,
    p.december_persons,
    CASE WHEN k.before = 12 THEN p.mean_persons END AS mean_persons,
    o.year_january_persons,
    o.year_sum_persons,
    k.own AS year_months,
    CASE WHEN a.hires THEN coalesce(h.expansion_hired_persons, 0) END AS expansion_hired_persons,
    CASE WHEN a.hires THEN coalesce(h.key_hired_persons, 0) END AS key_hired_persons,
    e.enterprise_no IN (SELECT unnest($listed::BIGINT[])) AS is_warned
FROM core.enterprise AS e
LEFT JOIN features.enterprise AS f USING (enterprise_no)
LEFT JOIN paid_year AS p USING (enterprise_no)
LEFT JOIN own_year AS o USING (enterprise_no)
LEFT JOIN sold AS s USING (enterprise_no)
LEFT JOIN hired AS h USING (enterprise_no)
LEFT JOIN shamed AS d USING (enterprise_no)
CROSS JOIN known AS k
CROSS JOIN arrived AS a
WHERE f.insured_persons > 0 OR e.enterprise_no IN (SELECT unnest($listed::BIGINT[]))
ORDER BY e.enterprise_no
