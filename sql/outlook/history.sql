-- Grain: one row per county, industry division and month of the county table: what changed, and from what staff.
-- Left out: months without a month before, or of which the change is unknown.
SELECT
    month,
    county_code,
    industry_division,
    -net_change_persons AS area_loss_persons,
    insured_persons - net_change_persons AS staff_before
FROM edition.county_industry_month
WHERE net_change_persons IS NOT NULL
