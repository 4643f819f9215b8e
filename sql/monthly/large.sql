-- Grain: one row, from how many persons on a net loss counts as large in the tables of counties and industries.
SELECT parameter_name AS row_key, try_cast(parameter_value AS BIGINT) AS large_loss_persons
FROM out.parameter
WHERE parameter_name = 'large_loss_persons'
