-- Grain: one row per usage warning of out.area.
-- 问：用“县区和行业形势”之前要知道什么？
-- Question: what must be known before out.area is counted?
SELECT caution_key, caution_text, caution_english
FROM out.caution
WHERE table_name = 'out.area'
ORDER BY caution_key
