"""The score of every enterprise with features, and the sentences that say why.

Ranks by points times insured persons, both integers, ties by code. Nothing here decides a colour or a list.
"""

import polars as pl

from models import reason_sentences, rule_score
from models.rule_score import Scored
from pipelines.errors import ContractError
from pipelines.run import Receipt, Run
from pipelines.warehouse import Warehouse


def run(run: Run, warehouse: Warehouse) -> Receipt:
    """Write ``risk.score`` and ``risk.reason``; enterprises with features in, the same out."""
    features = read(warehouse)
    try:
        rules = rule_score.rule_set(run.parameters.in_force())
    except ValueError as error:
        raise ContractError([f"pipelines/parameters/rule_score.yml: {error}"]) from error
    scored = rule_score.score(features, rules)
    reasons = scored.reasons.with_columns(reason_sentences.sentences(scored.reasons, features))
    with warehouse.transaction():
        written = warehouse.store("risk.score", ranked(scored, features))
        fired = warehouse.store("risk.reason", reasons)
    run.progress(f"风险评分：企业 {written} 家，原因 {fired} 条")
    return Receipt(stage="risk", rows_in=features.height, rows_out=written, notes=(f"{fired} reasons",))


def read(warehouse: Warehouse) -> pl.DataFrame:
    """``features.enterprise`` with what the rules need of core.enterprise, in order of enterprise_no."""
    features = warehouse.frame("SELECT * FROM features.enterprise ORDER BY enterprise_no")
    known = warehouse.frame(
        "SELECT enterprise_no, enterprise_id, enterprise_status, industry_division, industry_name FROM core.enterprise"
    )
    return features.join(known, on="enterprise_no", how="left", maintain_order="left").with_columns(
        reference_month_number=pl.col("reference_month").dt.month().cast(pl.Int64)
    )


def ranked(scored: Scored, features: pl.DataFrame) -> pl.DataFrame:
    """The scores with ``rank_city``: points × insured persons, heaviest first, ties by ``enterprise_id``."""
    weight = pl.col("points") * pl.col("insured_persons").fill_null(0)
    return (
        scored.score.join(
            features.select("enterprise_no", "enterprise_id", "insured_persons"),
            on="enterprise_no",
            how="left",
            maintain_order="left",
        )
        .sort([weight, "enterprise_id"], descending=[True, False])
        .with_columns(rank_city=pl.int_range(1, pl.len() + 1, dtype=pl.Int64))
        .sort("enterprise_no")
    )
