-- Grain: one row, a cell of fewer enterprises than this is not told outside the bureau.
SELECT parameter_name AS row_key, try_cast(parameter_value AS BIGINT) AS enterprise_count
FROM out.parameter
WHERE parameter_name = 'outer_small_cell_enterprises'
