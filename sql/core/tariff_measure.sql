-- Grain: one row per step of a duty and product; the latest word of each.
SELECT measure_id, authority, stack_group, hs6, rate_bp, valid_from, valid_to, measure_status, reference
FROM raw.tariff_measure
QUALIFY row_number() OVER (PARTITION BY measure_id, hs6 ORDER BY known_at DESC, delivery_no DESC, line_no) = 1
ORDER BY measure_id, hs6
