-- Grain: one row per department (as feeds name their owner) and month under review, the whole city's.
SELECT * FROM gate.department_quality
