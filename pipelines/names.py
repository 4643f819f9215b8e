"""Names of Chinese enterprises taken apart: place, brand, trade, form; and the branch or former name that they carry.

A registered name is made of division, brand (字号), trade and form (企业名称登记管理规定, art. 6). Clerks write it with
other brackets, full width letters, spaces, notes and parts left out; what is returned no longer shows that. Nothing
here decides who an enterprise is.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
import yaml

WORDS = Path(__file__).resolve().parent.parent / "sql" / "codes" / "name_words.yml"
PARTS = ("full", "core", "brand", "trade", "place", "form", "branch", "former")
LEAST = 2
"""Letters that a brand keeps, whatever else could be taken off."""
_UNITS = "省市区县"
_NOISE = r"[\s\x{200b}\x{feff}·•.,。，、_—*'\"“”‘’‐–-]+"
_NOTE = r"\((?:已注销|已吊销|已迁出|已更名|注销|吊销|筹|停业|歇业|本部|总部|公章|盖章)\)"
_FORMER = r"\((?:原名称|原名|原|曾用名|更名前|前身):?([^()]{4,})\)"
_PARTNERS = r"\((?:有限合伙|普通合伙|特殊普通合伙)\)$"
_OWNERS = "公司|集团|厂|合作社|医院|学校|银行|事务所"
_WHOLE = pl.col("whole")
_STREET = r"^(.{1,12}?(?:大道|园区|街道|路|街|道|巷|镇|乡|村))"


@dataclass(frozen=True)
class Gazetteer:
    """Words for the places that names of a city begin with, and the place each means; ``wide`` hold all counties."""

    words: Mapping[str, str]
    wide: frozenset[str]

    @classmethod
    def of(cls, city: Iterable[str], counties: Iterable[Iterable[str]]) -> "Gazetteer":
        """The places of ``city`` and of its ``counties`` (each with its other names), and the provinces.

        A place may be written without its last word (东海县, 东海), but for one that would be a single letter.
        """
        found: dict[str, str] = {}
        for others in counties:
            named = list(others)
            found |= {word: named[0] for name in named for word in _spellings(name)}
        around = {word: name for name in (*city, *_words()["provinces"]) for word in _spellings(name)}
        return cls(found | around, frozenset(around.values()))

    @property
    def pattern(self) -> str:
        """A regular expression of one place, the longest word first."""
        return "|".join(map(re.escape, sorted(self.words, key=lambda word: (-len(word), word))))


def normalised(text: pl.Expr) -> pl.Expr:
    """``text`` in one width, one kind of bracket, capital letters, without spaces, points and quotation marks."""
    return (
        text.str.normalize("NFKC")
        .str.replace_all(r"[【〔\[]", "(")
        .str.replace_all(r"[】〕\]]", ")")
        .str.replace_all(_NOISE, "")
        .str.to_uppercase()
    )


def parse(names: pl.Series, gazetteer: Gazetteer) -> pl.DataFrame:
    """The parts of ``names``, row by row: the columns ``PARTS``, null where a name does not say the part.

    ``full`` is all that tells two enterprises apart: equal names are equal texts. ``core`` is brand and trade,
    ``place`` the last place that the name begins with or has in brackets, ``form`` a class of forms (公司 alone says
    none), ``branch`` what the name says after the enterprise that the branch belongs to, ``former`` the name that it
    says it had before, to be taken apart by itself.
    """
    steps = names.alias("name").to_frame().lazy().select(whole=normalised(pl.col("name")))
    for step in (_without_notes(), _without_branch(), _without_form(), _without_place(gazetteer), _split()):
        for columns in step:
            steps = steps.with_columns(**columns)
    said = (pl.col(part).fill_null("") for part in ("place", "form", "branch"))
    return (
        steps.with_columns(full=pl.format("{}|{}|{}|{}", "core", *said))
        .select(pl.col(part).replace("", None) for part in PARTS)
        .collect()
    )


def _without_notes() -> list[dict[str, pl.Expr]]:
    bare = _WHOLE.str.replace_all(_FORMER, "").str.replace_all(_NOTE, "")
    return [{"former": _WHOLE.str.extract(_FORMER)}, {"whole": bare}]


def _without_branch() -> list[dict[str, pl.Expr]]:
    ends = "|".join(_words()["branches"])
    found = _WHOLE.str.extract(rf"^.+?(?:{_OWNERS})(.{{0,24}}?(?:{ends}))$")
    return [{"branch": found}, {"whole": _but_for_end("branch").str.replace(_PARTNERS, "")}]


def _without_form() -> list[dict[str, pl.Expr]]:
    ending = _WHOLE.str.extract(rf"^.{{{LEAST},}}?(\(?(?:{'|'.join(_forms())})\)?)$")
    kind = pl.col("ending").str.strip_chars("()").replace_strict(_forms(), default=None, return_dtype=pl.String)
    return [{"ending": ending}, {"form": kind, "whole": _but_for_end("ending")}]


def _without_place(gazetteer: Gazetteer) -> list[dict[str, pl.Expr]]:
    places = gazetteer.pattern
    named = pl.coalesce("inside", pl.col("before").str.extract(rf"({places})$"))
    rest = _WHOLE.str.tail(_WHOLE.str.len_chars() - pl.col("before").str.len_chars().fill_null(0))
    return [
        {
            "before": _WHOLE.str.extract(rf"^((?:{places})*).{{{LEAST},}}$"),
            "inside": _WHOLE.str.extract(rf"\(({places})\)"),
        },
        {
            "place": named.replace_strict(dict(gazetteer.words), default=None, return_dtype=pl.String),
            "core": rest.str.replace(rf"\((?:{places})\)", "").str.replace_all(r"[()]", ""),
        },
    ]


def _split() -> list[dict[str, pl.Expr]]:
    """Brand and trade: the trade is as many words of trade as the end is made of."""
    core, words = pl.col("core"), "|".join(_trades())
    brand = core.str.head(core.str.len_chars() - pl.col("trade").str.len_chars().fill_null(0))
    return [{"trade": core.str.extract(rf"^.{{{LEAST},}}?((?:{words})+)$")}, {"brand": brand}]


def _but_for_end(column: str) -> pl.Expr:
    return _WHOLE.str.head(_WHOLE.str.len_chars() - pl.col(column).str.len_chars().fill_null(0))


def located(addresses: pl.Series, gazetteer: Gazetteer) -> pl.DataFrame:
    """Each of ``addresses`` without the places it begins with (``address``), and its street or town (``street``)."""
    rest = normalised(pl.col("address")).str.replace(rf"^(?:{gazetteer.pattern})+", "").replace("", None)
    return addresses.alias("address").to_frame().select(address=rest, street=rest.str.extract(_STREET))


@cache
def _words() -> Mapping[str, Any]:
    loaded: Mapping[str, Any] = yaml.safe_load(WORDS.read_text(encoding="utf-8"))
    return loaded


def _forms() -> dict[str, str | None]:
    return dict(sorted(_words()["forms"].items(), key=lambda item: -len(item[0])))


def _trades() -> list[str]:
    return sorted(_words()["trades"], key=lambda word: (-len(word), word))


def _spellings(name: str) -> list[str]:
    """How a name may begin for the place ``name``."""
    return [name, name[:-1]] if len(name) > LEAST and name[-1] in _UNITS else [name]
