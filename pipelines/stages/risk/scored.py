"""Points, probability, expected loss and reasons of any part of the enterprises; a row's depend on it alone."""

from dataclasses import dataclass

import polars as pl

from models import drift, reason_sentences, rule_score
from models.registry import Artefact
from models.rule_score import RuleSet

PROBABILITY_DIGITS, LOSS_DIGITS = 4, 1


@dataclass(frozen=True)
class Scored:
    """``score``: one row per enterprise, without its rank, with what ranks it; ``reasons``: one per reason that fires.

    ``counts`` are of the model's inputs, to be held against those it was trained on.
    """

    score: pl.DataFrame
    reasons: pl.DataFrame
    counts: drift.Counts


def score_all(features: pl.DataFrame, rules: RuleSet, model: Artefact | None) -> Scored:
    """Score every row of ``features`` (columns of ``sql/risk/inputs.sql``, in order of enterprise_no)."""
    scored = rule_score.score(features, rules)
    reasons = scored.reasons.with_columns(reason_sentences.sentences(scored.reasons, features))
    score, counts = _predicted(scored.score, features, model)
    ranking = features.select("enterprise_no", "enterprise_id", "insured_persons")
    return Scored(score.join(ranking, on="enterprise_no", how="left", maintain_order="left"), reasons, counts)


def _predicted(
    score: pl.DataFrame, features: pl.DataFrame, model: Artefact | None
) -> tuple[pl.DataFrame, drift.Counts]:
    """``score`` with the model's figures: null without a model, and below the size that it was judged on.

    The probability has four digits and the loss one before anything is compared with them.
    """
    if model is None:
        names = ("probability", "expected_loss_persons", "log_odds")
        return score.with_columns(pl.lit(None, dtype=pl.Float64).alias(name) for name in names), {}
    asked = features.filter(pl.col("insured_persons") >= model.facts.minimum_insured)
    figures, values = model.model.score(asked), model.model.values(asked)
    log_odds = model.model.log_odds(values)
    found = asked.select("enterprise_no").with_columns(
        figures["probability"].round(PROBABILITY_DIGITS),
        figures["expected_loss"].round(LOSS_DIGITS).alias("expected_loss_persons"),
        pl.Series("log_odds", log_odds),
    )
    names = model.model.features
    counts = drift.counted(model.reference, names, values[:, : len(names)], log_odds)
    joined = score.join(found, on="enterprise_no", how="left", maintain_order="left")
    return joined.with_columns(model_id=pl.lit(model.model_id)), counts
