-- Grain: one row per rule of what is not told outside the bureau: enterprises, persons, the share of one enterprise.
SELECT
    parameter_name AS row_key,
    CASE WHEN parameter_name = 'outer_small_cell_enterprises' THEN try_cast(parameter_value AS BIGINT) END
        AS enterprise_count,
    CASE WHEN parameter_name = 'outer_small_cell_persons' THEN try_cast(parameter_value AS BIGINT) END AS persons,
    CASE WHEN parameter_name = 'outer_dominance_pct' THEN try_cast(parameter_value AS DOUBLE) / 100 END
        AS dominance_ratio
FROM out.parameter
WHERE parameter_name IN ('outer_small_cell_enterprises', 'outer_small_cell_persons', 'outer_dominance_pct')
