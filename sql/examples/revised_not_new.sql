-- Grain: one row per kind and cause of change since the previous edition.
-- 问：本期变化中，哪些是新情况，哪些是过去月份修订、参数或模型变化造成的？
-- Question: which changes of the list are news, and which come from a revised month, other parameters or another model?
SELECT change_kind, change_cause, count(*) AS enterprises
FROM out.warning_change
GROUP BY change_kind, change_cause
ORDER BY change_kind, change_cause
