-- Grain: one row per county and one for the city, each counted by itself; counties are not added up to the city.
-- 问：各县区和全市当月净减员比常年同期多多少，处在什么等级？
-- Question: how far is the net loss of each county and of the city above the usual, and at which level do they stand?
SELECT area_kind, county_name, insured_persons, area_loss_persons, usual_loss_ratio, excess_loss_ratio, area_level
FROM out.area
WHERE area_kind IN ('全市', '县区')
ORDER BY area_kind, county_code
