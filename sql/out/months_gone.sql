-- Grain: what goes from a copied file before its months that changed are written again.
DELETE FROM published.out.enterprise_month
WHERE month IN (SELECT unnest($months::DATE[]))
