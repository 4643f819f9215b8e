-- Grain: one row, the score in charge. While it is the rule score, its points are no probability and say so.
SELECT * FROM risk.model
