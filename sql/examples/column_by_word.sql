-- Grain: one row per published column whose label or meaning speaks of arrears.
-- 问：哪张表的哪个字段说的是“欠费”？
-- Question: which columns speak of arrears (欠费)?
SELECT table_name, column_name, column_label, column_unit, meaning_text, meaning_english
FROM out.dictionary
WHERE column_no > 0 AND (contains(column_label, '欠费') OR contains(coalesce(meaning_text, ''), '欠费'))
ORDER BY table_name, column_no
