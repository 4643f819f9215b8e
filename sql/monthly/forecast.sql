-- Grain: one row, what the model in charge expects of the city in the next three months; null while the rule score leads.
SELECT
    'forecast' AS row_key,
    m.model_label,
    m.model_note,
    m.forecast_label,
    a.expected_event_count,
    a.expected_loss_persons,
    a.loss_p95_persons
FROM out.model AS m
LEFT JOIN out.area AS a ON a.area_kind = '全市'
