"""Pairs of a name as departments wrote it and an enterprise that it may be: Splink on DuckDB, with a fixed model.

The model is data (``sql/codes/name_model.yml``); nothing is learned at night, so that the same names give the same
weights. What a pair may be used for is decided elsewhere; this module compares and never links.
"""

import logging
from collections.abc import Mapping
from functools import cache
from typing import Any

import polars as pl
import yaml

from pipelines.contracts import SQL
from pipelines.warehouse import beside

PARTS = (
    "full",
    "core",
    "brand",
    "trade",
    "place",
    "form",
    "branch",
    "county",
    "address",
    "street",
    "unit",
    "organisation",
)
"""Columns of text that both sides have; null where nothing was said."""
COMPARED = ("core", "place", "county", "form", "branch", "address", "unit", "founded", "organisation")
BLOCKS = (
    "l.full = r.full",
    "l.core = r.core AND l.county = r.county",
    "l.brand = r.brand AND l.county = r.county",
    "l.brand = r.brand AND l.trade = r.trade",
    "l.organisation = r.organisation",
)
MEMORY = "2GB"
LEAST_SHARE = 0.001
"""Bound of a measured u: a kind of which none is known, or all, still is no proof."""
NEAR = "l.brand_less = r.brand_less AND l.trade IS NOT DISTINCT FROM r.trade AND l.county = r.county"
_CONDITIONS: Mapping[str, Mapping[str, str]] = {
    "core": {
        "same": '"core_l" = "core_r"',
        "contained": '"brand_l" = "brand_r" AND ("trade_l" IS NULL OR "trade_r" IS NULL '
        'OR contains("trade_l", "trade_r") OR contains("trade_r", "trade_l"))',
        "brand": '"brand_l" = "brand_r"',
        "near": 'list_has_any("brand_less_l", "brand_less_r") AND "trade_l" IS NOT DISTINCT FROM "trade_r"',
    },
    "place": {"same": '"place_l" = "place_r"', "wider": '"is_wide_l" OR "is_wide_r"'},
    "county": {"same": '"county_l" = "county_r"'},
    "form": {"same": '"form_l" = "form_r"'},
    "branch": {"same": '"branch_l" IS NOT DISTINCT FROM "branch_r"'},
    "address": {"same": '"address_l" = "address_r"', "street": '"street_l" = "street_r"'},
    "unit": {"free": "\"unit_r\" = 'free'"},
    "founded": {
        "same": '"since_l" - "since_r" BETWEEN 0 AND 1',
        "after": '"since_l" > "since_r"',
    },
    "organisation": {"same": '"organisation_l" = "organisation_r"'},
}
_NULLS = {
    "core": '"brand_l" IS NULL OR "brand_r" IS NULL',
    "branch": None,
    "founded": '"since_l" IS NULL OR "since_r" IS NULL',
}


@cache
def model() -> Mapping[str, Mapping[str, Mapping[str, Any]]]:
    """Comparison → level → its m, u and frequency column."""
    loaded: Mapping[str, Any] = yaml.safe_load((SQL / "codes" / "name_model.yml").read_text(encoding="utf-8"))
    return loaded


def pairs(named: pl.DataFrame, known: pl.DataFrame, *, least: float) -> pl.DataFrame:
    """Pairs of at least ``least`` bits, one per name and enterprise: the best of the enterprise's names.

    ``named`` has ``name_key`` and ``known`` has ``enterprise_id``, both the columns ``PARTS``, ``is_wide`` and
    ``since`` (the number of a month). Gives ``name_key, enterprise_id, known_no, match_weight`` (bits, prior included,
    two decimals) and for each comparison the level that held, ``level_<comparison>`` (null where a side says nothing),
    in order of name and falling weight. ``known_no`` is the row of ``known``.
    """
    levels = {f"level_{name}": pl.String() for name in COMPARED}
    schema = {
        "name_key": pl.String(),
        "enterprise_id": pl.String(),
        "known_no": pl.Int64(),
        "match_weight": pl.Float64(),
        **levels,
    }
    if not (named.height and known.height):
        return pl.DataFrame(schema=schema)
    enterprises = known["enterprise_id"].n_unique()
    left, right = _prepared(named), _prepared(known)
    free = known.filter(pl.col("unit") == "free")["enterprise_id"].n_unique() / enterprises
    free = min(max(free, LEAST_SHARE), 1 - LEAST_SHARE)
    scored = _predict(
        left,
        right,
        _frequencies(known, enterprises),
        prior=1 / (enterprises + 1),
        least=least,
        measured={"free": free, "taken": 1 - free},
    )
    words = [_words(name, list(model()[name])) for name in COMPARED]
    return (
        scored.join(left.select(no_l="no", name_key="name_key"), on="no_l")
        .join(right.select(no_r="no", enterprise_id="enterprise_id"), on="no_r")
        .select("name_key", "enterprise_id", pl.col("no_r").alias("known_no"), pl.col("match_weight").round(2), *words)
        .sort("name_key", "match_weight", "enterprise_id", "known_no", descending=[False, True, False, False])
        .unique(["name_key", "enterprise_id"], keep="first", maintain_order=True)
        .cast(schema)  # type: ignore[arg-type]
    )


def _prepared(rows: pl.DataFrame) -> pl.DataFrame:
    """``rows`` with a number, and the brand with each of its letters left out in turn (symmetric deletion)."""
    less = pl.col("brand").map_elements(
        lambda brand: sorted({brand[:at] + brand[at + 1 :] for at in range(len(brand))}) if len(brand) > 1 else [],
        return_dtype=pl.List(pl.String),
    )
    return rows.with_row_index("no").with_columns(pl.col("no").cast(pl.Int64), less.alias("brand_less"))


def _predict(
    left: pl.DataFrame,
    right: pl.DataFrame,
    frequencies: Mapping[str, pl.DataFrame],
    *,
    prior: float,
    least: float,
    measured: Mapping[str, float],
) -> pl.DataFrame:
    """Splink's weights of pairs that share a block, as ``no_l, no_r, match_weight`` and one gamma per comparison."""
    from splink import DuckDBAPI, Linker, SettingsCreator  # noqa: PLC0415  most of a second

    settings = SettingsCreator(
        link_type="link_only",
        comparisons=[_comparison(name, measured) for name in COMPARED],
        blocking_rules_to_generate_predictions=[
            *({"blocking_rule": rule} for rule in BLOCKS),
            {"blocking_rule": NEAR, "arrays_to_explode": ["brand_less"]},
        ],
        probability_two_random_records_match=prior,
        unique_id_column_name="no",
        retain_matching_columns=True,
    )
    with beside(memory=MEMORY) as connection:
        database = DuckDBAPI(connection)
        columns = ["no", *PARTS, "is_wide", "since", "brand_less"]
        sides = [
            database.register(rows.select(columns).to_arrow(), table_name=name)
            for name, rows in (("a_named", left), ("b_known", right))
        ]
        linker = Linker(sides, settings, log_level=logging.ERROR)
        for column, shares in frequencies.items():
            registered = database.register(shares.to_arrow(), table_name=f"share_of_{column}")
            linker.table_management.register_term_frequency_lookup(registered, column)
        found = linker.inference.predict(threshold_match_weight=least, warning_mode="never")
        gammas = ", ".join(f"gamma_{name}" for name in COMPARED)
        scored: pl.DataFrame = found.as_duckdbpyrelation().project(f"no_l, no_r, match_weight, {gammas}").pl()
        return scored


def _frequencies(known: pl.DataFrame, enterprises: int) -> dict[str, pl.DataFrame]:
    """Of ``core`` and ``brand`` the share of the enterprises that have each value."""
    return {
        column: known.drop_nulls(column)
        .group_by(column)
        .agg((pl.col("enterprise_id").n_unique() / enterprises).alias(f"tf_{column}"))
        .sort(column)
        for column in ("core", "brand")
    }


def _words(name: str, levels: list[str]) -> pl.Expr:
    """The level that Splink's number says; it counts from the last level, and −1 is that a side says nothing."""
    words = {len(levels) - 1 - place: level for place, level in enumerate(levels)}
    return pl.col(f"gamma_{name}").replace_strict(words, default=None, return_dtype=pl.String).alias(f"level_{name}")


def _comparison(name: str, measured: Mapping[str, float]) -> dict[str, Any]:
    levels: list[dict[str, Any]] = []
    said = model()[name]
    null = _NULLS.get(name, f'"{name}_l" IS NULL OR "{name}_r" IS NULL')
    if null:
        levels.append({"sql_condition": null, "label_for_charts": "null", "is_null_level": True})
    for level, numbers in said.items():
        condition = _CONDITIONS[name].get(level, "ELSE")
        spec: dict[str, Any] = {"sql_condition": condition, "label_for_charts": level}
        u = measured[level] if numbers["u"] == "measured" else numbers["u"]
        spec |= {"m_probability": numbers["m"], "u_probability": u}
        if frequency := numbers.get("frequency"):
            spec |= {"tf_adjustment_column": frequency, "disable_tf_exact_match_detection": True}
        levels.append(spec)
    return {"output_column_name": name, "comparison_levels": levels}
