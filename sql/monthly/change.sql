-- Grain: one row per kind of change since the previous edition.
SELECT change_kind AS row_key, change_kind, count(*) AS enterprise_count
FROM out.warning_change
GROUP BY change_kind
ORDER BY change_kind
