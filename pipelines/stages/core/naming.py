"""Enterprises that departments name without a code: which is meant, by whose word, and what a person must say.

Whole names first, then Splink's weights, and an officer's decision over both. A name alone never leads anywhere:
county, address or organisation code must agree as well. What stays open is queued with its candidates.
"""

from collections.abc import Mapping
from typing import Any

import polars as pl

from pipelines.contracts import Contracts
from pipelines.names import Gazetteer, located, parse
from pipelines.run import Run
from pipelines.settings import Settings
from pipelines.stages.core import matching
from pipelines.warehouse import Warehouse

MOST_CANDIDATES = 3
WHOLE, WEIGHED, DECIDED = "全称一致", "概率匹配", "人工认定"
NONE = "均不是"
UNITS = "raw.insured_unit"
"""Rows that are an insurance unit each: a name of one tells of an enterprise that has no other."""
CODE_PLACES = (8, 9)
"""Where a unified code holds the organisation code (GB 32100-2015): from its ninth place, nine symbols."""
_WORDS = {
    "core": {
        "same": "字号行业一致",
        "contained": "字号一致、行业有省略",
        "brand": "字号一致、行业不同",
        "near": "字号相差一字",
        "other": "字号不同",
    },
    "place": {"same": "行政区划一致", "wider": "行政区划范围不同", "other": "行政区划不同"},
    "county": {"same": "县区一致", "other": "县区不同"},
    "form": {"same": "组织形式一致", "other": "组织形式不同"},
    "branch": {"same": "", "other": "分支机构不同"},
    "address": {"same": "住所一致", "street": "住所同一街镇", "other": "住所不同"},
    "unit": {"free": "该企业尚无参保单位", "taken": "该企业已有参保单位"},
    "founded": {
        "same": "参保月份与成立月份一致",
        "after": "参保晚于成立",
        "before": "参保早于成立",
    },
    "organisation": {"same": "组织机构代码一致", "other": "组织机构代码不同"},
}
"""What each level of a comparison says to a person; two head offices agree without a word."""
_SURE = ("same", "contained")
"""Levels of the name on which county suffices; one letter off may as well be an enterprise that nobody registered."""


def run(run: Run, warehouse: Warehouse) -> int:
    """Build ``core.known_name``, ``core.named``, ``core.name_link`` and ``core.name_candidate``; gives the links."""
    warehouse.build("core.known_name")
    named = warehouse.frame(_named_sql(run.contracts))
    warehouse.store("core.named", named)
    decided = warehouse.frame("FROM ingest.identity_decision")
    told = named.join(decided, on="name_key", how="inner", maintain_order="left")
    rest = named.join(decided, on="name_key", how="anti", maintain_order="left")
    gazetteer = gazetteer_of(run.settings)
    links, queue = resolve(
        rest,
        warehouse.frame("FROM core.known_name") if rest.height else pl.DataFrame(),
        gazetteer,
        least=float(run.parameters["name_review_weight"]),
        enough=float(run.parameters["name_link_weight"]),
        margin=float(run.parameters["name_link_margin"]),
    )
    by_hand = told.filter(pl.col("verdict") != NONE).with_columns(
        pl.lit(DECIDED).alias("link_method"), pl.col("reason_text").alias("agreement_text")
    )
    warehouse.store("core.name_link", _shaped([links, by_hand], "core.name_link", run.contracts).sort("name_key"))
    waiting = _shaped([queue], "core.name_candidate", run.contracts).sort("name_key", "candidate_no")
    warehouse.store("core.name_candidate", waiting)
    return links.height + by_hand.height


def gazetteer_of(settings: Settings) -> Gazetteer:
    """The places that names of the city begin with; what a simulated city is called stands in no name."""
    city = settings.city
    counties = [(county.name, *county.also) for _, county in sorted(settings.counties.items())]
    return Gazetteer.of([*([] if city.simulated else [city.name]), *city.also], counties)


def resolve(
    named: pl.DataFrame, known: pl.DataFrame, gazetteer: Gazetteer, *, least: float, enough: float, margin: float
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Links and candidates of ``named`` among core.known_name.

    ``named`` has name_key, named_as, county_code, address, valid_from and is_unit. A pair links by weight from
    ``enough`` bits on, ``margin`` bits ahead of the next enterprise, and only where county, address or organisation
    code agree; pairs below ``least`` bits are no candidates.
    """
    if named.is_empty():
        return pl.DataFrame(), pl.DataFrame()
    right = _compared(known.rename({"enterprise_name": "name_text"}), gazetteer, with_former=True)
    left = _compared(
        named.rename({"named_as": "name_text"}).with_columns(pl.lit(None, pl.String).alias("enterprise_id")),
        gazetteer,
        with_former=False,
    )
    whole = _whole(left, right)
    open_names = left.join(whole, on="name_key", how="anti", maintain_order="left")
    pairs = _judged(matching.pairs(open_names, right, least=least), enough=enough, margin=margin)
    weighed = pairs.filter(pl.col("is_link")).with_columns(pl.lit(WEIGHED).alias("link_method"))
    links = pl.concat([whole, weighed], how="diagonal").join(named, on="name_key", maintain_order="left")
    queued = (
        named.join(links, on="name_key", how="anti", maintain_order="left")
        .join(
            pairs.filter(pl.col("candidate_no") <= MOST_CANDIDATES),
            on="name_key",
            how="left",
            maintain_order="left_right",
        )
        .join(right.select(known_no="known_no", enterprise_name="name_text"), on="known_no", how="left")
        .with_columns(pl.col("candidate_no").fill_null(1), pl.col("queue_reason").fill_null("把握不足"))
    )
    return links, queued


def _compared(rows: pl.DataFrame, gazetteer: Gazetteer, *, with_former: bool) -> pl.DataFrame:
    """``rows`` with what is compared: parts of the name, county, address, organisation code; numbered as ``known_no``.

    Where a name gives a former one in brackets the row stands once more under that, if ``with_former``.
    """
    found = pl.concat([rows, parse(rows["name_text"], gazetteer)], how="horizontal")
    if with_former and found["former"].is_not_null().any():
        renamed = rows.with_columns(found["former"].alias("name_text")).filter(found["former"].is_not_null())
        found = pl.concat([found, pl.concat([renamed, parse(renamed["name_text"], gazetteer)], how="horizontal")])
    unit = (
        pl.when("has_unit").then(pl.lit("taken")).otherwise(pl.lit("free"))
        if "has_unit" in rows.columns
        else pl.when("is_unit").then(pl.lit("asked"))
    )
    began = pl.col("established_on" if "has_unit" in rows.columns else "valid_from")
    places = located(found["address"], gazetteer)
    return found.with_columns(
        places["address"],
        places["street"],
        pl.col("county_code").alias("county"),
        pl.col("enterprise_id").str.slice(*CODE_PLACES).alias("organisation"),
        unit.alias("unit"),
        (began.dt.year() * 12 + began.dt.month()).alias("since"),
        pl.col("place").is_in(sorted(gazetteer.wide)).fill_null(value=True).alias("is_wide"),
    ).with_row_index("known_no")


def _whole(left: pl.DataFrame, right: pl.DataFrame) -> pl.DataFrame:
    """Names that are the whole name of one enterprise only, in the same county or at the same address."""
    agree = (
        (pl.col("county") == pl.col("county_r")).fill_null(value=False),
        (pl.col("address") == pl.col("address_r")).fill_null(value=False),
    )
    return (
        left.drop_nulls("form")
        .join(right.select("full", "enterprise_id", "county", "address"), on="full", suffix="_r")
        .group_by("name_key")
        .agg(
            pl.col("enterprise_id_r").n_unique().alias("enterprises"),
            pl.col("enterprise_id_r").first().alias("enterprise_id"),
            agree[0].any().alias("county"),
            agree[1].any().alias("address"),
        )
        .filter((pl.col("enterprises") == 1) & (pl.col("county") | pl.col("address")))
        .select(
            "name_key",
            "enterprise_id",
            pl.lit(WHOLE).alias("link_method"),
            pl.concat_str(
                pl.lit("全称一致"),
                pl.when("county").then(pl.lit("县区一致")),
                pl.when("address").then(pl.lit("住所一致")),
                separator="；",
                ignore_nulls=True,
            ).alias("agreement_text"),
        )
        .sort("name_key")
    )


def _judged(pairs: pl.DataFrame, *, enough: float, margin: float) -> pl.DataFrame:
    """``pairs`` with their place, lead, words and whether the best of a name is a link, else why a person is asked."""
    corroborated = pl.any_horizontal(
        pl.col(f"level_{name}").eq_missing(pl.lit("same")) for name in ("county", "address", "organisation")
    )
    beyond_county = pl.any_horizontal(
        pl.col(f"level_{name}").eq_missing(pl.lit("same")) for name in ("address", "organisation", "founded")
    )
    is_named = pl.col("level_core").is_in(_SURE) | ((pl.col("level_core") == "near") & beyond_county)
    same_branch = pl.col("level_branch") == "same"
    is_ahead = (pl.col("weight_margin") >= margin).fill_null(value=True)
    is_sure = pl.col("match_weight") >= enough
    words = [
        pl.col(f"level_{name}").replace_strict(words, default=None, return_dtype=pl.String).replace("", None)
        for name, words in _WORDS.items()
    ]
    return (
        pairs.with_columns(
            (pl.int_range(pl.len()).over("name_key") + 1).alias("candidate_no"),
            (pl.col("match_weight") - pl.col("match_weight").shift(-1).over("name_key")).alias("weight_margin"),
            pl.concat_str(words, separator="；", ignore_nulls=True).alias("agreement_text"),
        )
        .with_columns(
            ((pl.col("candidate_no") == 1) & corroborated & is_named & same_branch & is_ahead & is_sure).alias(
                "is_link"
            ),
            pl.when(~same_branch)
            .then(pl.lit("分支机构未登记"))
            .when(~corroborated & pl.col("level_county").eq_missing(pl.lit("other")))
            .then(pl.lit("线索不符"))
            .when(~corroborated)
            .then(pl.lit("仅名称相符"))
            .when(~is_ahead)
            .then(pl.lit("多家相近"))
            .otherwise(pl.lit("把握不足"))
            .alias("queue_reason"),
        )
        .with_columns(pl.col("weight_margin").round(2))
    )


def _named_sql(contracts: Contracts) -> str:
    """The names by which rows without a code name their enterprise, of every table that says how it does."""
    parts = [
        f"SELECT name_key, {_column(table.naming, 'name')} AS named_as, "
        f"{_column(table.naming, 'county')} AS county_code, {_column(table.naming, 'address')} AS address, "
        f"{_column(table.naming, 'since', 'DATE')} AS valid_from, '{table.label}' AS label, {name == UNITS} AS is_unit "
        f"FROM {name} "
        "WHERE name_key IS NOT NULL AND NOT is_retracted"
        for name, table in sorted(contracts.tables.items())
        if table.naming
    ]
    return (
        "WITH told AS (" + " UNION ALL ".join(parts) + "), counted AS ("
        "SELECT name_key, min(named_as) AS named_as, min(county_code) AS county_code, min(address) AS address, label, "
        "min(valid_from) AS valid_from, count(*) AS rows, bool_or(is_unit) AS is_unit "
        "FROM told GROUP BY name_key, label) "
        "SELECT name_key, min(named_as) AS named_as, min(county_code) AS county_code, min(address) AS address, "
        "string_agg(label || rows || '行', '、' ORDER BY label) AS feeds_text, sum(rows)::BIGINT AS row_count, "
        "min(valid_from) AS valid_from, bool_or(is_unit) AS is_unit "
        "FROM counted GROUP BY name_key ORDER BY name_key"
    )


def _column(naming: Mapping[Any, str], part: str, kind: str = "VARCHAR") -> str:
    return f'"{naming[part]}"' if part in naming else f"NULL::{kind}"


def _shaped(frames: list[pl.DataFrame], table: str, contracts: Contracts) -> pl.DataFrame:
    """``frames`` one below the other in the columns of ``table``; what none of them has is null."""
    schema = contracts.polars_schema(table)
    every = pl.concat([pl.DataFrame(schema=schema), *(_fitted(f, schema) for f in frames if f.width)])
    return every.select(list(schema))


def _fitted(frame: pl.DataFrame, schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    return frame.select(
        (pl.col(c) if c in frame.columns else pl.lit(None)).cast(kind).alias(c) for c, kind in schema.items()
    )
