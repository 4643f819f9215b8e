-- Grain: one row, the score in charge. While it is the rule score, its points are no probability and say so.
SELECT
    model_id,
    '规则评分' AS model_label,
    '按公开规则加分，0—100分，不是概率，不预测减员人数；名单按风险分乘参保人数排序，等级只依据已发生的情况' AS model_note
FROM edition.edition
