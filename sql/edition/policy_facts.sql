-- Grain: one row per enterprise that is insured in the reference month or was listed tonight ($listed): what the rules
-- of policy may know of it. A sum over a year is null unless every month of the year is complete; in complete months an
-- enterprise without a row has nobody, unless core.unknown_month names it. Hires are null where the feed lacks months of
-- the window, up to the month before the reference month; a positive sum with gaps stands, and is a lower bound.
WITH span AS (
    SELECT
        make_date($year - 1, 1, 1) AS before_first,
        make_date($year, 1, 1) AS first,
        $reference_month::DATE AS month,
        least($hired_until::DATE, ($reference_month::DATE - INTERVAL 1 MONTH)::DATE) AS hired_last
),
known AS (
    SELECT
        count(*) FILTER (is_complete_month AND m.month >= s.before_first AND m.month < s.first) = 12 AS has_before,
        count(*) FILTER (is_complete_month AND m.month >= s.first AND m.month <= s.month) = month(any_value(s.month))
        AND any_value(s.month) >= any_value(s.first) AS has_own,
        count(*) FILTER (is_complete_month AND m.month = s.before_first - INTERVAL 1 MONTH) = 1 AS has_year_start
    FROM core.month_status AS m
    CROSS JOIN span AS s
),
unsure AS (
    SELECT DISTINCT u.enterprise_no FROM core.unknown_month AS u
    CROSS JOIN span AS s
    WHERE u.month >= s.before_first - INTERVAL 1 MONTH AND u.month <= s.month
),
paid AS (
    SELECT
        m.enterprise_no,
        sum(m.insured_persons) FILTER (m.month = s.before_first) AS january_persons,
        sum(m.insured_persons) FILTER (m.month = s.first - INTERVAL 1 MONTH) AS december_persons,
        sum(m.insured_persons) FILTER (m.month = s.before_first - INTERVAL 1 MONTH) AS year_start_persons,
        sum(m.insured_persons) FILTER (m.month >= s.before_first AND m.month < s.first) AS before_sum_persons,
        sum(m.insured_persons) FILTER (m.month = s.first) AS year_january_persons,
        sum(m.insured_persons) FILTER (m.month >= s.first) AS year_sum_persons,
        sum(m.paid_unemployment_fen) FILTER (m.month >= s.before_first AND m.month < s.first) AS premium_fen,
        count(*) FILTER (
            m.month >= s.before_first AND m.month < s.first
            AND (m.paid_unemployment_fen IS NULL OR m.due_unemployment_fen IS NULL)
        ) AS unpriced_months,
        count(*) FILTER (
            m.month >= s.before_first AND m.month < s.first
            AND m.due_unemployment_fen > 0 AND m.paid_unemployment_fen >= m.due_unemployment_fen
        ) AS premium_months
    FROM core.enterprise_month AS m
    CROSS JOIN span AS s
    WHERE m.month >= s.before_first - INTERVAL 1 MONTH AND m.month <= s.month
    GROUP BY m.enterprise_no
),
latest AS (
    SELECT enterprise_no, max(month) AS month FROM core.tax_month WHERE invoiced_fen IS NOT NULL GROUP BY enterprise_no
),
sold AS (
    SELECT t.enterprise_no, sum(t.invoiced_fen)::BIGINT AS revenue_12m_fen
    FROM core.tax_month AS t
    INNER JOIN latest AS l USING (enterprise_no)
    CROSS JOIN span AS s
    WHERE t.month > l.month - INTERVAL 12 MONTH AND l.month >= s.month - INTERVAL 3 MONTH
    GROUP BY t.enterprise_no
    HAVING count(t.invoiced_fen) = 12
),
hire_months AS (
    SELECT DISTINCT month FROM core.hire_group_month
),
covered AS (
    SELECT
        count(*) FILTER (h.month BETWEEN $hired_since::DATE AND s.hired_last)
        >= date_diff('month', $hired_since::DATE, any_value(s.hired_last)) + 1
        AND any_value(s.hired_last) >= $hired_since::DATE AS has_window,
        count(*) FILTER (h.month > s.month - INTERVAL 12 MONTH AND h.month <= s.month) >= 11 AS has_year
    FROM hire_months AS h
    CROSS JOIN span AS s
),
hired AS (
    SELECT
        h.enterprise_no,
        sum(h.group_hired_persons) FILTER (
            h.key_group IN ('高校毕业生', '登记失业青年') AND h.month BETWEEN $hired_since::DATE AND $hired_until::DATE
        ) AS expansion,
        sum(h.group_hired_persons) FILTER (
            h.key_group = '高校毕业生' AND h.month BETWEEN $hired_since::DATE AND $hired_until::DATE
        ) AS graduates,
        sum(h.group_hired_persons) FILTER (
            h.key_group IN ('登记失业青年', '登记失业人员', '脱贫人口')
            AND h.month BETWEEN $hired_since::DATE AND $hired_until::DATE
        ) AS jobless,
        sum(h.group_hired_persons) FILTER (h.month > s.month - INTERVAL 12 MONTH AND h.month <= s.month) AS keys
    FROM core.hire_group_month AS h
    CROSS JOIN span AS s
    GROUP BY h.enterprise_no
),
shamed AS (
    SELECT DISTINCT enterprise_no FROM core.credit_event
    WHERE
        credit_kind = '严重违法失信' AND occurred_on <= $as_of::DATE
        AND (ended_on IS NULL OR ended_on > $as_of::DATE)
),
arrived AS (
    SELECT coalesce(bool_or(feed = 'credit_event' AND source_state <> '缺失'), false) AS credit FROM core.source_status
)
SELECT
    e.enterprise_no,
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
    CASE WHEN k.has_before AND u.enterprise_no IS NULL AND p.unpriced_months = 0 THEN p.premium_fen::BIGINT END AS premium_fen,
    CASE
        WHEN k.has_before AND u.enterprise_no IS NULL AND coalesce(p.unpriced_months, 0) = 0
            THEN coalesce(p.premium_months, 0)
    END AS premium_months,
    CASE WHEN k.has_before AND u.enterprise_no IS NULL THEN coalesce(p.january_persons, 0)::BIGINT END AS january_persons,
    CASE WHEN k.has_before AND u.enterprise_no IS NULL THEN coalesce(p.december_persons, 0)::BIGINT END AS december_persons,
    CASE
        WHEN k.has_year_start AND u.enterprise_no IS NULL THEN coalesce(p.year_start_persons, 0)::BIGINT
    END AS year_start_persons,
    CASE WHEN k.has_before AND u.enterprise_no IS NULL THEN coalesce(p.before_sum_persons, 0) / 12.0 END AS mean_persons,
    NULL::DOUBLE AS mean_before_persons,
    NULL::BIGINT AS left_naturally_persons,
    NULL::BIGINT AS claimants_persons,
    CASE
        WHEN k.has_own AND u.enterprise_no IS NULL THEN coalesce(p.year_january_persons, 0)::BIGINT
    END AS year_january_persons,
    CASE WHEN k.has_own AND u.enterprise_no IS NULL THEN coalesce(p.year_sum_persons, 0)::BIGINT END AS year_sum_persons,
    CASE WHEN k.has_own THEN month(n.month) END AS year_months,
    CASE WHEN h.expansion > 0 OR c.has_window THEN coalesce(h.expansion, 0)::BIGINT END AS expansion_hired_persons,
    CASE WHEN h.graduates > 0 OR c.has_window THEN coalesce(h.graduates, 0)::BIGINT END AS graduates_hired_persons,
    CASE WHEN h.jobless > 0 OR c.has_window THEN coalesce(h.jobless, 0)::BIGINT END AS jobless_hired_persons,
    CASE WHEN h.keys > 0 OR c.has_year THEN coalesce(h.keys, 0)::BIGINT END AS key_hired_persons,
    e.enterprise_no IN (SELECT unnest($listed::BIGINT[])) AS is_warned
FROM core.enterprise AS e
LEFT JOIN features.enterprise AS f USING (enterprise_no)
LEFT JOIN paid AS p USING (enterprise_no)
LEFT JOIN unsure AS u USING (enterprise_no)
LEFT JOIN sold AS s USING (enterprise_no)
LEFT JOIN hired AS h USING (enterprise_no)
LEFT JOIN shamed AS d USING (enterprise_no)
CROSS JOIN known AS k
CROSS JOIN covered AS c
CROSS JOIN arrived AS a
CROSS JOIN span AS n
WHERE f.insured_persons > 0 OR e.enterprise_no IN (SELECT unnest($listed::BIGINT[]))
ORDER BY e.enterprise_no
