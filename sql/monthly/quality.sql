-- Grain: one row, checks made for the edition and those not passed.
SELECT
    'quality' AS row_key,
    count(*) AS check_count,
    count(*) FILTER (WHERE NOT passed AND severity = 'fail') AS failed_count,
    count(*) FILTER (WHERE NOT passed AND severity = 'warn') AS warned_count
FROM out.quality_result
