"""The score of every enterprise with features, and the sentences that say why.

The rule score is always there. Where a model was promoted and could be loaded, it adds a probability and an expected
loss and leads the ranking; where it could not, the rule score leads and says so. Ties fall to the code. Nothing here
decides a colour or a list.
"""

import polars as pl

from models import drift, rule_score, seasonal
from models.registry import Artefact
from pipelines import inputs
from pipelines.errors import ContractError
from pipelines.run import Receipt, Run
from pipelines.stages.risk import parts
from pipelines.stages.risk.scored import score_all
from pipelines.warehouse import Warehouse
from pipelines.work import Engine

RULE = {
    "model_label": "规则评分",
    "model_note": (
        "按公开规则加分，0—100分，不是概率，不预测减员人数；名单按风险分乘参保人数排序，等级只依据已发生的情况"
    ),
    "forecast_label": None,
    "model_trained_text": None,
    "model_measure_text": None,
}


def run(run: Run, warehouse: Warehouse, *, model: Artefact | None = None, engine: Engine | None = None) -> Receipt:
    """Write ``risk.*``; enterprises with features in, the same out. ``model`` is the one in charge, if it loaded.

    Without an ``engine`` all is computed here.
    """
    try:
        rules = rule_score.rule_set(run.parameters.in_force())
    except ValueError as error:
        raise ContractError([f"pipelines/parameters/rule_score.yml: {error}"]) from error
    with warehouse.transaction():
        if engine:
            score, fired, counts = parts.compute(run, warehouse, rules, model, engine)
        else:
            features = inputs.read(warehouse)
            scored = score_all(features, rules, model)
            score, counts = scored.score, scored.counts
            warehouse.drop("risk.reason")
            fired = warehouse.store("risk.reason", scored.reasons)
        written = warehouse.store("risk.score", ranked(score))
        warehouse.store("risk.model", _model(run, model))
        warehouse.store("risk.drift", _drift(run, model, counts))
    run.progress(f"风险评分：企业 {written} 家，原因 {fired} 条，{'学习模型' if model else '规则评分'}排序")
    return Receipt(stage="risk", rows_in=score.height, rows_out=written, notes=(f"{fired} reasons",))


def ranked(score: pl.DataFrame) -> pl.DataFrame:
    """``score`` with ``rank_city``: by expected loss while a model leads, else by points × insured persons."""
    points = pl.col("points") * pl.col("insured_persons").fill_null(0)
    weight = [pl.col("expected_loss_persons").fill_null(0.0), points] if score["probability"].count() else [points]
    return (
        score.sort([*weight, "enterprise_id"], descending=[*(True for _ in weight), False])
        .with_columns(rank_city=pl.int_range(1, pl.len() + 1, dtype=pl.Int64))
        .sort("enterprise_no")
    )


def _model(run: Run, model: Artefact | None) -> pl.DataFrame:
    refusal = run.champion.refusal if run.champion else ""
    warning = f"学习模型未启用，本期由规则评分代替：{refusal}" if refusal else None
    row = (
        {"model_id": rule_score.MODEL_ID, **RULE, "model_warning": warning}
        if model is None
        else {"model_id": model.model_id, **RULE, **model.facts.words, "model_warning": None}
    )
    return pl.DataFrame([row], schema=run.contracts.polars_schema("risk.model"))


def _drift(run: Run, model: Artefact | None, counts: drift.Counts) -> pl.DataFrame:
    """Each input against the training months. The carry-over is one season's on any one night: it never counts."""
    schema = run.contracts.polars_schema("risk.drift")
    if model is None:
        return pl.DataFrame(schema=schema)
    found = drift.compared(model.reference, counts)
    known = run.contracts.columns
    labels = {name: known[name].label for name in found["feature_name"] if name in known} | dict(seasonal.LABELS)
    return found.select(
        "feature_name",
        pl.col("feature_name").replace(labels).alias("feature_label"),
        "stability_index",
        (
            drift.drifted(float(run.parameters["drift_psi"])) & ~pl.col("feature_name").is_in(list(seasonal.LABELS))
        ).alias("is_drifted"),
    )
