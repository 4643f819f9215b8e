-- Grain: one row per enterprise and month, of those months that a copied file does not hold as they now are.
SELECT * FROM core.enterprise_month
WHERE month IN (SELECT unnest($months::DATE[]))
