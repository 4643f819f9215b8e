"""The transparent score: points from rules that are data, capped per dimension so that no single one decides.

Always there as fallback and baseline. Points are 0-100 and no probability; the points of an enterprise's reasons add
up to its score. Pure: frames in, frames out. Refuses to hold a threshold; those are parameters.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import polars as pl

MODEL_ID = "rule-1"
MITIGATING_DIMENSION = "缓释"
PREFIX = "rule_"
CAPS = "rule_score_caps"
CATALOGUES = ("reasons", "mitigating_reasons", "added_reasons")
SILENT = "silent_reasons"

Kind = Literal["signal", "structural", "policy", "mitigating"]

OPERATORS: Mapping[str, Callable[[pl.Expr, Any], pl.Expr]] = {
    ">=": lambda column, value: column >= value,
    "<=": lambda column, value: column <= value,
    ">": lambda column, value: column > value,
    "<": lambda column, value: column < value,
    "==": lambda column, value: column == value,
    "not in": lambda column, value: ~column.is_in(value),
    "known": lambda column, value: column.is_not_null() == value,
}


@dataclass(frozen=True)
class Level:
    """Points that a rule gives where all of ``when`` (column, operator, value) hold."""

    points: int
    when: tuple[tuple[str, str, Any], ...]

    def holds(self) -> pl.Expr:
        """Whether every condition holds; a missing value never does."""
        conditions = [OPERATORS[operator](pl.col(column), value) for column, operator, value in self.when]
        return pl.all_horizontal(conditions).fill_null(value=False)


@dataclass(frozen=True)
class Rule:
    """A reason of the catalogue with its levels, heaviest first; the first level that holds gives the points."""

    code: str
    name: str
    dimension: str
    kind: Kind
    levels: tuple[Level, ...]


@dataclass(frozen=True)
class RuleSet:
    """The rules in force on one day and the most points that each dimension may give (together 100)."""

    rules: tuple[Rule, ...]
    caps: Mapping[str, int]


@dataclass(frozen=True)
class Scored:
    """``score``: one row per enterprise; ``reasons``: one per enterprise and reason that fires."""

    score: pl.DataFrame
    reasons: pl.DataFrame


def rule_set(values: Mapping[str, Any]) -> RuleSet:
    """The rules among the parameters in force; raises ``ValueError`` where they contradict themselves."""
    catalogue = {entry["code"]: entry for name in CATALOGUES for entry in values[name]}
    rules = tuple(
        _rule(name.removeprefix(PREFIX), body, catalogue)
        for name, body in sorted(values.items())
        if name.startswith(PREFIX) and name != CAPS
    )
    caps: Mapping[str, int] = values[CAPS]
    if sum(caps.values()) != 100:
        raise ValueError(f"the caps of {CAPS} add up to {sum(caps.values())}, not 100")
    uncapped = sorted({rule.dimension for rule in rules} - set(caps) - {MITIGATING_DIMENSION})
    if uncapped:
        raise ValueError(f"{CAPS} has no cap for {', '.join(uncapped)}")
    silent = {entry["code"] for entry in values[SILENT]}
    unruled = sorted(set(catalogue) ^ silent ^ {rule.code for rule in rules})
    if unruled:
        raise ValueError(f"either a rule or an entry of {SILENT}, not both: {', '.join(unruled)}")
    return RuleSet(rules=rules, caps=caps)


def score(features: pl.DataFrame, rules: RuleSet) -> Scored:
    """Points and reasons of every row of ``features`` (key ``enterprise_no``)."""
    fired = _fired(features, rules.rules)
    reasons = _mitigated(_capped(fired, rules.caps))
    totals = reasons.group_by("enterprise_no").agg(
        pl.col("reason_points").sum().alias("points"),
        pl.col("dimension").filter(pl.col("kind") == "signal").n_unique().alias("dimension_count"),
    )
    table = (
        features.select("enterprise_no")
        .join(totals, on="enterprise_no", how="left", maintain_order="left")
        .with_columns(pl.col("points", "dimension_count").fill_null(0).cast(pl.Int64), model_id=pl.lit(MODEL_ID))
    )
    return Scored(score=table.sort("enterprise_no"), reasons=_ranked(reasons))


def _rule(code: str, body: Mapping[str, Any], catalogue: Mapping[str, Mapping[str, str]]) -> Rule:
    if code not in catalogue:
        raise ValueError(f"rule {code} is not in the catalogue of reasons")
    levels = tuple(
        Level(points=level["points"], when=tuple((c, operator, value) for c, operator, value in level["when"]))
        for level in body["levels"]
    )
    entry = catalogue[code]
    return Rule(code=code, name=entry["name"], dimension=entry["dimension"], kind=body["kind"], levels=levels)


def _fired(features: pl.DataFrame, rules: Sequence[Rule]) -> pl.DataFrame:
    """One row per enterprise and rule with a level that holds, with the points of that level."""
    parts = [pl.DataFrame(schema=_FIRED)]
    for rule in rules:
        points = pl.coalesce([pl.when(level.holds()).then(pl.lit(level.points)) for level in rule.levels])
        parts.append(
            features.select("enterprise_no", points.cast(pl.Int64).alias("own_points"))
            .filter(pl.col("own_points").is_not_null())
            .with_columns(
                reason_code=pl.lit(rule.code),
                reason_name=pl.lit(rule.name),
                dimension=pl.lit(rule.dimension),
                kind=pl.lit(rule.kind),
            )
            .select(*_FIRED)
        )
    return pl.concat(parts)


def _capped(fired: pl.DataFrame, caps: Mapping[str, int]) -> pl.DataFrame:
    """Points that each reason still adds once heavier reasons of its dimension have taken theirs."""
    limit = pl.col("dimension").replace_strict(caps, default=None, return_dtype=pl.Int64)
    return _take(fired, limit=limit, within=["enterprise_no", "dimension"])


def _mitigated(capped: pl.DataFrame) -> pl.DataFrame:
    """Mitigating reasons take away what is there and no more; without points against it, none is recorded."""
    is_mitigating = pl.col("kind") == "mitigating"
    against = capped.filter(~is_mitigating)
    there = against.group_by("enterprise_no").agg(pl.col("reason_points").sum().alias("there"))
    relief = capped.filter(is_mitigating).join(there.filter(pl.col("there") > 0), on="enterprise_no", how="inner")
    taken = _take(relief, limit=pl.col("there"), within=["enterprise_no"])
    return pl.concat([against, taken.with_columns(-pl.col("reason_points")).select(against.columns)])


def _take(reasons: pl.DataFrame, *, limit: pl.Expr, within: Sequence[str]) -> pl.DataFrame:
    """``reason_points``: own points, heaviest first and ties by code, as far as ``limit`` of the group allows."""
    ordered = reasons.sort([*within, "own_points", "reason_code"], descending=[False] * len(within) + [True, False])
    before = pl.col("own_points").cum_sum().over(list(within)) - pl.col("own_points")
    room = limit.fill_null(pl.col("own_points").sum().over(list(within))) - before
    return ordered.with_columns(reason_points=pl.min_horizontal(pl.col("own_points"), room).clip(lower_bound=0))


def _ranked(reasons: pl.DataFrame) -> pl.DataFrame:
    """Heaviest first, ties by code, mitigating reasons last."""
    return (
        reasons.with_columns(is_mitigating=pl.col("kind") == "mitigating")
        .sort(
            ["enterprise_no", "is_mitigating", pl.col("reason_points").abs(), "reason_code"],
            descending=[False, False, True, False],
        )
        .with_columns(reason_rank=pl.int_range(1, pl.len() + 1, dtype=pl.Int64).over("enterprise_no"))
    )


_FIRED = {
    "enterprise_no": pl.Int64,
    "reason_code": pl.String,
    "reason_name": pl.String,
    "dimension": pl.String,
    "kind": pl.String,
    "own_points": pl.Int64,
}
