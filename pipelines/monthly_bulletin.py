"""The public bulletin: totals, counties and industries, no enterprise and no colour; small cells left out.

What is left out cannot be worked out from the totals, nor from the bulletin of the month before: a change gives away
the staff of the month before, so it is told only where that month's staff was told too. Counties and industries are
two tables whose totals are the city's; no table crosses them.
"""

from collections.abc import Mapping
from functools import partial

from pipelines.monthly import Figures
from pipelines.monthly_blocks import Block, Paragraph, Part, Report, Table, Text
from pipelines.monthly_notes import revised_of
from pipelines.monthly_phrases import cells, heads, moved
from pipelines.monthly_words import MARKET_COLUMNS, MARKET_HEADS, SERVICES, balance_of, graduates_of, lead_of
from pipelines.suppression import DOMINANCE, ENTERPRISES, PERSONS, Cell, Limits, hidden, is_safe

HIDDEN = "—"
NOW = ("enterprise_count", "insured_persons", "largest_persons")
BEFORE = ("before_count", "before_persons", "before_largest_persons")
SIZES = ("enterprise_count", "insured_persons")
CHANGES = ("+net_change_persons", "+net_change_ratio")
DEFINITIONS: tuple[Text, ...] = (
    ("参保人数为失业保险参保人数；净增减为本月与上月之差，含退休、转出和单位之间的整体转移，不等于裁员人数。",),
    ("失业登记人数是行政登记数，不是城镇调查失业率。",),
    ("“—”为企业数或人数过少、主要由一家企业构成的，以及为防止由合计推算而一并不公布的数据。",),
)


def bulletin(figures: Figures, *, city: str, bureau: str) -> Report:
    """The bulletin of the edition that ``figures`` were read from."""
    edition = partial(figures.figure, "edition", "edition")
    is_told = _is_told(figures)
    lead: Text = lead_of(figures) if is_told else ("参保企业数过少，本月不公布参保数据。",)
    return Report(
        title=f"{city}就业形势公报",
        dateline=(bureau, "　", edition("reference_month"), "　数据截止 ", edition("cutoff")),
        lead=lead,
        parts=(
            Part("一、参保人数", _insured(figures) if is_told else ()),
            Part("二、市场供求和失业登记", _services(figures)),
            Part("三、涉美出口企业", _exporters(figures) if is_told else ()),
            Part("四、说明", (*_revised(figures, is_told), *(Paragraph(text, "item") for text in DEFINITIONS))),
        ),
        edition_id=str(figures.value("edition", "edition", "edition_id")),
        is_simulated=bool(figures.value("edition", "edition", "is_simulated")),
    )


def _revised(figures: Figures, is_told: bool) -> tuple[Block, ...]:
    """What the last bulletin said of the city and is given otherwise now; of counties it might give cells away."""
    text = revised_of(figures) if is_told else ()
    return (Paragraph(text, "item"),) if text else ()


def limits_of(figures: Figures) -> Limits:
    """The lines below which a cell is small, and the share that gives it away, as the edition's parameters say."""
    value = partial(figures.value, "limit")
    return Limits(
        value("outer_small_cell_enterprises", "enterprise_count") or ENTERPRISES,
        value("outer_small_cell_persons", "persons") or PERSONS,
        value("outer_dominance_pct", "dominance_ratio") or DOMINANCE,
    )


def left_out(figures: Figures, kind: str) -> tuple[frozenset[str], frozenset[str]]:
    """The rows of ``cell`` whose size is not told, and those whose change is not told."""
    limits = limits_of(figures)
    now = hidden(_sizes(figures, kind, NOW), limits)
    return now, now | hidden(_sizes(figures, kind, BEFORE), limits)


def _sizes(figures: Figures, kind: str, columns: tuple[str, str, str]) -> Mapping[str, Cell]:
    size = partial(figures.value, "cell")
    return {row: Cell(*(size(row, column) or 0 for column in columns)) for row in _rows(figures, kind)}


def _rows(figures: Figures, kind: str) -> list[str]:
    return [row for row in figures.rows("cell") if figures.value("cell", row, "area_kind") == kind]


def _is_told(figures: Figures) -> bool:
    """Whether the city as a whole is large enough, now and the month before, for its totals to be told."""
    if not figures.rows("city"):
        return True
    limits = limits_of(figures)
    for columns in (NOW, BEFORE):
        sizes = _sizes(figures, "县区", columns)
        if not is_safe({row: sizes[row] for row in hidden(sizes, limits)}, limits):
            return False
    return True


def _insured(figures: Figures) -> tuple[Block, ...]:
    return tuple(_table(figures, kind) for kind in ("县区", "行业"))


def _table(figures: Figures, kind: str) -> Table:
    sizes, changes = left_out(figures, kind)
    rows = []
    for row in _rows(figures, kind):
        told = cells(figures, "cell", row, ("area_name",))
        told += ((HIDDEN,),) * len(SIZES) if row in sizes else cells(figures, "cell", row, SIZES)
        told += ((HIDDEN,),) * len(CHANGES) if row in changes else cells(figures, "cell", row, CHANGES)
        rows.append(told)
    head = heads(kind, "企业（家）", "参保（人）", "净增减（人）", "增减率")
    return Table((f"分{kind}参保人数",), head, tuple(rows), empty="没有参保数据。")


def _services(figures: Figures) -> tuple[Block, ...]:
    rows = [row for row in SERVICES if _is_large(figures, "market", row)]
    if not rows:
        return (Paragraph(("本月没有可公布的供求和失业登记数据。",)),)
    found: list[Block] = []
    if {"岗位需求", "登记求职"} <= set(rows):
        found.append(Paragraph(balance_of(figures)))
    told = tuple(cells(figures, "market", row, MARKET_COLUMNS) for row in rows)
    found.append(Table(("供求和失业登记",), heads("指标", *MARKET_HEADS), told))
    if "高校毕业生" in figures.rows("hires") and _is_large(figures, "hires", "高校毕业生"):
        found.append(Paragraph(graduates_of(figures)))
    return tuple(found)


def _is_large(figures: Figures, query: str, row: str) -> bool:
    """Whether no number of the row, of this month or one compared with, is about few persons."""
    least = limits_of(figures).persons
    told = [figures.value(query, row, name) for name in ("persons", "before_persons", "year_before_persons")]
    return told[0] is not None and all(number is None or number >= least for number in told)


def _exporters(figures: Figures) -> tuple[Block, ...]:
    one, limits = partial(figures.figure, "exporter", "exporter"), limits_of(figures)
    value = partial(figures.value, "exporter", "exporter")
    own = Cell(value("enterprise_count") or 0, value("insured_persons") or 0, value("largest_persons") or 0)
    base = Cell(value("base_count") or 0, value("base_persons") or 0, value("base_largest_persons") or 0)
    every = Cell(
        figures.value("city", "city", "enterprise_count") or 0, figures.value("city", "city", "insured_persons") or 0
    )
    others = Cell(every.enterprises - own.enterprises, every.persons - own.persons, value("other_largest_persons") or 0)
    if not own.enterprises or not value("base_persons"):
        return (Paragraph(("本月没有涉美出口企业数据。",)),)
    if any(limits.is_small(cell) for cell in (own, others, base)):
        return (Paragraph(("涉美出口企业数过少，不公布。",)),)
    text: Text = (
        *(
            "涉美出口企业",
            one("enterprise_count"),
            "家，参保",
            one("insured_persons"),
            "人，占全市",
            one("insured_share_ratio"),
        ),
        *("；两月都有参保数据的企业比上月", *moved(figures, "exporter", "exporter", "net_change"), "。"),
    )
    return (Paragraph(text),)
