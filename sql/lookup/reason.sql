-- Grain: one row per listed enterprise and reason. Left out: nothing.
SELECT
    w.warning_no, w.enterprise_name, w.enterprise_id, w.county_name, w.industry_name, w.colour, r.reason_rank, r.reason_name,
    r.reason_points, r.is_mitigating, r.reason_sentence
FROM out.warning_reason AS r
INNER JOIN out.warning AS w USING (enterprise_no)
