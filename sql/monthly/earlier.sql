-- Grain: one row, the edition of the last report: the newest kept one of an earlier insurance month.
SELECT 'earlier' AS row_key, edition_id, reference_month FROM earlier.out.edition
