-- Grain: one row per industry division; a stock is compared between two months and never added over months.
-- 问：各行业参保人数与上年同月相比如何？
-- Question: how does the insured staff of each industry stand against the same month of the year before?
SELECT
    m.industry_division,
    any_value(m.industry_name) AS industry_name,
    sum(m.insured_persons) FILTER (WHERE m.month = e.reference_month) AS insured_persons,
    sum(m.insured_persons) FILTER (WHERE m.month = e.reference_month - INTERVAL 12 MONTH) AS year_before_persons
FROM out.county_industry_month AS m
INNER JOIN out.edition AS e USING (edition_id)
GROUP BY m.industry_division
ORDER BY m.industry_division
