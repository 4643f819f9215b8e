-- Grain: one row per colour on the list: how many cases, and what the response plan asks for.
SELECT colour AS row_key, colour, count(*) AS enterprise_count, min(action_text) AS action_text
FROM out.warning
GROUP BY colour
ORDER BY list_position(['红', '橙', '黄', '蓝'], colour)
