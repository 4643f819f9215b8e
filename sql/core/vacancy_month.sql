-- Grain: one row per posting and month in which it was open, for the months to be written. Left out: postings that name
-- no known enterprise (core.unlinked), and months in which a posting has been open longer than it counts.
WITH span AS (
    SELECT min(month) - to_months($vacancy_open_months - 1) AS first_day, max(month) + to_months(1) AS next_day
    FROM core.changed_month
),
version AS (
    SELECT v.*
    FROM raw.vacancy AS v
    WHERE v.posted_on >= (SELECT first_day FROM span) AND v.posted_on < (SELECT next_day FROM span)
    QUALIFY row_number() OVER (
        PARTITION BY v.posting_no, v.posted_on ORDER BY v.known_at DESC, v.delivery_no DESC, v.is_retracted, v.line_no
    ) = 1 AND NOT v.is_retracted
)
SELECT
    coalesce(e.enterprise_no, n.enterprise_no) AS enterprise_no,
    c.month,
    v.job_field,
    v.posts,
    1 AS posting_count
FROM version AS v
LEFT JOIN core.enterprise AS e USING (enterprise_id)
LEFT JOIN core.link AS n ON n.link_kind = 'name' AND n.identifier = v.name_key
INNER JOIN core.changed_month AS c
    ON v.posted_on < c.month + to_months(1)
    AND v.posted_on >= c.month - to_months($vacancy_open_months - 1)
    AND coalesce(v.posting_closed_on >= c.month, true)
WHERE coalesce(e.enterprise_no, n.enterprise_no) IS NOT NULL
