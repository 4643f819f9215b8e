-- Grain: one row per feature of the model in charge and one for the score; empty while the rule score leads.
SELECT * FROM risk.drift
