-- Grain: one row per customs code that customs itself gave together with an enterprise; its latest word.
SELECT c.customs_code, e.enterprise_no
FROM raw.customs_export AS c
INNER JOIN core.enterprise AS e USING (enterprise_id)
QUALIFY row_number() OVER (
    PARTITION BY c.customs_code ORDER BY c.known_at DESC, c.delivery_no DESC, c.is_retracted, c.line_no
) = 1 AND NOT c.is_retracted
ORDER BY c.customs_code
