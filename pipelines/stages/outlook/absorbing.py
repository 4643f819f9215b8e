"""Where the laid-off can go: open posts against losses by county and industry, what is left over, whom to train.

With a model in charge losses are its expectation for the next three months; without one, what shrinking enterprises
lost in the last three, told as that and as no forecast. Neither known, nothing is said. A post takes a person of its
own industry division; nobody knows trades, wages or who looks for work at all, so a gap is arithmetic, and no plan.
"""

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from pipelines import formats
from pipelines.run import add_months
from pipelines.stages.outlook.areas import CITY, UNPLACED
from pipelines.stages.outlook.levels import CELL, COUNTY
from pipelines.suppression import Cell, Limits, hidden, is_safe

MODEL, OBSERVED, UNKNOWN = "模型预计", "近三个月实际", "未知"
LEAST_TOLD = 3
"""Posts of another county are told as a number from so many enterprises on."""
NO_FIELDS = frozenset(("未填领域", "其他"))
"""Fields that nobody can aim training at."""
Row = dict[str, Any]
Place = tuple[str, str]


@dataclass(frozen=True)
class Posts:
    """Open posts and the enterprises that have them, by county and division; ``month`` is None where none is usable.

    ``fields`` are posts by county and field of the job plan.
    """

    month: date | None
    cells: Mapping[Place, tuple[int, frozenset[int]]]
    fields: Mapping[Place, int]
    names: Mapping[Place, tuple[str, str]]

    def of(self, place: Place) -> tuple[int, int] | None:
        """Posts and enterprises of a cell, none being zero; None where nothing recent was told."""
        if self.month is None:
            return None
        posts, enterprises = self.cells.get(place, (0, frozenset()))
        return posts, len(enterprises)


def posts_of(vacancies: pl.DataFrame, *, month: date | None, fresh_months: int) -> Posts:
    """The posts of ``sql/outlook/vacancies.sql``; none if older than ``fresh_months`` before ``month``."""
    newest = vacancies["month"].max() if vacancies.height else None
    if month is None or not isinstance(newest, date) or newest < add_months(month, -fresh_months):
        return Posts(None, {}, {}, {})
    cells: dict[Place, tuple[int, frozenset[int]]] = {}
    fields: dict[Place, int] = {}
    names: dict[Place, tuple[str, str]] = {}
    for row in vacancies.iter_rows(named=True):
        place = (row["county_code"], row["industry_division"])
        posts, enterprises = cells.get(place, (0, frozenset()))
        cells[place] = (posts + row["posts"], enterprises | set(row["posting_enterprises"]))
        names[place] = (row["county_name"], row["industry_name"])
        field = (row["county_code"], row["job_field"])
        fields[field] = fields.get(field, 0) + row["posts"]
    return Posts(newest, cells, fields, names)


def losses(enterprises: pl.DataFrame) -> tuple[str, pl.DataFrame]:
    """What losses are, and by county and division: enterprises, staff, losses in tenths of a person (null: not known).

    ``standing`` are the enterprises that have staff, or lost it in the last three months, ``untold`` those with staff
    whose loss is not known. ``enterprises`` is the frame of ``sql/outlook/enterprises.sql``.
    """
    if enterprises["probability"].count():
        kind, loss = MODEL, (pl.col("expected_loss_persons") * 10).round().cast(pl.Int64)
    else:
        known = enterprises["insured_change_3m_persons"].count() > 0
        kind, loss = OBSERVED if known else UNKNOWN, -pl.col("insured_change_3m_persons").clip(upper_bound=0) * 10
    has_staff = pl.col("insured_persons").fill_null(1) > 0
    summed = pl.when(loss.count() > 0).then(loss.sum()).alias("tenths")
    names = (pl.col("county_name").min(), pl.col("industry_name").min())
    own = enterprises.group_by("county_code", "industry_division").agg(
        *names,
        pl.len().alias("enterprise_count"),
        pl.col("insured_persons").sum(),
        summed,
        (has_staff | (pl.col("insured_change_3m_persons").fill_null(0) < 0)).sum().cast(pl.Int64).alias("standing"),
        (has_staff & loss.is_null()).sum().cast(pl.Int64).alias("untold"),
    )
    return kind, own.sort("county_code", "industry_division")


def rows(
    enterprises: pl.DataFrame, posts: Posts, neighbours: Mapping[str, Sequence[str]], *, limits: Limits
) -> list[Row]:
    """Rows of ``outlook.absorption`` without the edition's number: the city, its counties, and their industries.

    Cells whose numbers few enterprises would give away are marked as withheld, with a county all of whose are, the city
    too, from which the rest would follow. The city is counted by itself.
    """
    kind, found = losses(enterprises)
    cells = _cells(kind, found, posts)
    by_county: dict[str, list[Row]] = {}
    for row in cells:
        by_county.setdefault(row["county_code"], []).append(row)
    withheld = _withheld(cells, limits)
    told: list[Row] = []
    for code, own in by_county.items():
        held = {_place(row): _size(row) for row in own}
        whole = _whole(own, COUNTY) | {"county_code": code, "county_name": own[0]["county_name"]}
        whole["is_withheld"] = not is_safe({place: cell for place, cell in held.items() if place in withheld}, limits)
        told.append(whole | {"absorption_text": _county_text(whole, posts)})
        for row in own:
            near = nearest(row, cells, posts, neighbours, withheld)
            told.append(row | {"is_withheld": _place(row) in withheld, "absorption_text": _cell_text(row, near)})
    divisions = sorted({row["industry_division"] for row in cells})
    everywhere = [_whole([row for row in cells if row["industry_division"] == one], CELL) for one in divisions]
    city = _whole(everywhere, CITY) | {
        "is_withheld": any(row["is_withheld"] for row in told if row["area_kind"] == COUNTY)
    }
    blank: Row = dict.fromkeys(("county_code", "county_name", "industry_division", "industry_name"))
    whole_city = [blank | city | {"absorption_text": _county_text(city, posts)}] if cells else []
    inner = ("insured_persons", "standing", "untold")
    return [{name: value for name, value in (blank | row).items() if name not in inner} for row in (*whole_city, *told)]


def _place(row: Row) -> Place:
    return row["county_code"], row["industry_division"]


def _size(row: Row) -> Cell:
    """What a cell is judged by; one whose enterprises have no staff left is no empty one."""
    return Cell(max(row["standing"], min(row["enterprise_count"], 1)), row["insured_persons"])


def _withheld(cells: Sequence[Row], limits: Limits) -> frozenset[Place]:
    """The cells whose numbers few enterprises would give away, and those that would give such a cell away."""
    sizes: dict[str, dict[str, Cell]] = {}
    for row in cells:
        own = sizes.setdefault(row["county_code"], {})
        own[row["industry_division"]] = _size(row)
    return frozenset((code, division) for code, own in sizes.items() for division in hidden(own, limits))


def _cells(kind: str, found: pl.DataFrame, posts: Posts) -> list[Row]:
    """County × division; where nobody is insured nobody is lost, and where the feed tells of none there is no post."""
    held = {(row["county_code"], row["industry_division"]): row for row in found.iter_rows(named=True)}
    cells = []
    for place in sorted({*held, *posts.cells}):
        own = held.get(place)
        name, industry = (own["county_name"], own["industry_name"]) if own else posts.names[place]
        tenths = own["tenths"] if own else None if kind == UNKNOWN else 0
        open_ = posts.of(place)
        loss = None if tenths is None else tenths / 10
        cells.append(
            {
                "area_kind": CELL,
                "county_code": place[0],
                "county_name": name,
                "industry_division": place[1],
                "industry_name": industry,
                "enterprise_count": own["enterprise_count"] if own else 0,
                "insured_persons": (own["insured_persons"] or 0) if own else 0,
                "standing": own["standing"] if own else 0,
                "untold": own["untold"] if own else 0,
                "loss_kind": kind,
                "vacancy_month": posts.month,
                "training_persons": None,
                **_against(tenths, open_, is_placed=place[1] not in UNPLACED),
                "loss_persons": loss,
            }
        )
    return cells


def _against(tenths: int | None, open_: tuple[int, int] | None, *, is_placed: bool) -> Row:
    """Posts, and the gap; none where the industry is not known, as nobody can tell what posts would do."""
    gap = None if tenths is None or open_ is None or not is_placed else tenths - 10 * open_[0]
    return {
        "open_posts": open_[0] if open_ else None,
        "posting_enterprise_count": open_[1] if open_ else None,
        "unmatched_persons": None if gap is None else max(gap, 0) / 10,
        "spare_posts": None if gap is None else max(-gap, 0) / 10,
    }


def _whole(cells: Sequence[Row], kind: str) -> Row:
    """Sums over the industries of one area; of several counties in one industry the gap is that of the sums."""
    summed: Row = {name: _sum(cells, name) for name in ("loss_persons", "open_posts", "posting_enterprise_count")}
    if kind == CELL:
        loss, open_ = summed["loss_persons"], summed["open_posts"]
        is_placed = not UNPLACED.intersection(row["industry_division"] for row in cells)
        tenths, both = None if loss is None else round(loss * 10), None if open_ is None else (int(open_), 0)
        summed |= _against(tenths, both, is_placed=is_placed)
        summed["posting_enterprise_count"] = _sum(cells, "posting_enterprise_count")
        training = None
    else:
        summed |= {name: _sum(cells, name) for name in ("unmatched_persons", "spare_posts")}
        gap, spare = summed["unmatched_persons"], summed["spare_posts"]
        training = None if gap is None or spare is None else min(gap, spare)
    return {
        "area_kind": kind,
        "enterprise_count": sum(row["enterprise_count"] for row in cells),
        "insured_persons": sum(row["insured_persons"] for row in cells),
        **{name: sum(row[name] for row in cells) for name in ("standing", "untold")},
        "loss_kind": cells[0]["loss_kind"] if cells else UNKNOWN,
        "vacancy_month": cells[0]["vacancy_month"] if cells else None,
        "training_persons": training,
        **summed,
    }


def _sum(cells: Sequence[Row], name: str) -> Any:
    """The sum in tenths, so that no order of adding tells; None where none is known."""
    known = [round(row[name] * 10) for row in cells if row[name] is not None]
    if not known:
        return None
    return sum(known) // 10 if name in ("open_posts", "posting_enterprise_count") else sum(known) / 10


def around(code: str, counties: Sequence[str], neighbours: Mapping[str, Sequence[str]]) -> tuple[list[str], str]:
    """Counties near ``code``, and what they are called: neighbours where the parameter knows them, else all others."""
    known = [other for other in neighbours.get(code, ()) if other in counties]
    if known:
        return known, "相邻的"
    return [other for other in counties if other != code and other not in UNPLACED], "本市"


def nearest(
    row: Row,
    cells: Sequence[Row],
    posts: Posts,
    neighbours: Mapping[str, Sequence[str]],
    withheld: Set[Place] = frozenset(),
) -> str:
    """Where else there are posts: the industry in a county nearby, else anywhere; else another industry here.

    Of a cell that is ``withheld`` no number is told, as this sentence leaves with cells that are not.
    """
    if posts.month is None or not row["unmatched_persons"] or row["county_code"] in UNPLACED:
        return ""
    names = {cell["county_code"]: cell["county_name"] for cell in cells}
    division = row["industry_division"]
    near, word = around(row["county_code"], sorted(names), neighbours)
    if division not in UNPLACED:
        others = [code for code in names if code not in near and code != row["county_code"] and code not in UNPLACED]
        for codes, called in ((near, word), (others, "本市")):
            best = max(codes, key=lambda code: _rank(posts, (code, division)), default="")
            if posts.cells.get((best, division)):
                return f"{called}{names[best]}同行业{_number(posts, (best, division), withheld)}"
    spare = [cell for cell in cells if cell["county_code"] == row["county_code"] and cell["spare_posts"]]
    best_cell = max(spare, key=lambda cell: (cell["spare_posts"], cell["industry_division"]), default=None)
    if best_cell is None:
        return "全市同行业和本县区其他行业都没有富余岗位"
    number = "有" if _place(best_cell) in withheld else f"尚余{rounded(best_cell['spare_posts'])}个"
    return f"全市同行业没有岗位，本县区{best_cell['industry_name']}{number}岗位"


def _rank(posts: Posts, place: Place) -> tuple[bool, int, str]:
    """Cells whose posts may be told first, then the one with most."""
    count, enterprises = posts.cells.get(place, (0, frozenset()))
    return len(enterprises) >= LEAST_TOLD, count, place[0]


def _number(posts: Posts, place: Place, withheld: Set[Place]) -> str:
    count, enterprises = posts.cells[place]
    if len(enterprises) < LEAST_TOLD:
        return "有岗位（企业不足3家，不列数）"
    return "有岗位（企业过少，不列数）" if place in withheld else f"在招{count}个岗位"


def rounded(value: float) -> str:
    """Persons in words, half a person up."""
    return formats.count(int(value + 0.5))


def loss_words(row: Row) -> str:
    """What the loss is, so that nobody takes what happened for a forecast, or what is not known for nothing."""
    number = f"{rounded(row['loss_persons'])}人"
    is_past = row["loss_kind"] != MODEL
    notes = ["实际数，不是预测"] if is_past else []
    notes += [f"另有{formats.count(row['untold'])}家未知"] if row["untold"] else []
    told = f"近三个月减员企业共减少{number}" if is_past else f"模型预计未来三个月减员{number}"
    return told + (f"（{'；'.join(notes)}）" if notes else "")


def _both(row: Row, place: str, rest: Callable[[], str]) -> str:
    """What is known of losses and posts, and ``rest`` where both are."""
    loss, open_ = row["loss_persons"], row["open_posts"]
    if loss is None and open_ is None:
        return "减员人数和岗位数都未知：没有可比的参保数据，招聘信息未到或过旧"
    if loss is None:
        return f"减员人数未知（没有可比的参保数据）；{place}在招{formats.count(open_)}个岗位"
    if open_ is None:
        return f"{loss_words(row)}；招聘信息未到或过旧，岗位数未知，不判断缺口"
    if row["unmatched_persons"] is None:
        return f"{loss_words(row)}；行业未登记，不能与岗位对应"
    return rest()


def _cell_text(row: Row, near: str) -> str:
    def rest() -> str:
        told = loss_words(row)
        told += f"，本县区同行业在招{formats.count(row['open_posts'])}个岗位"
        if not int(row["unmatched_persons"] + 0.5):
            return f"{told}，岗位数不少于减员"
        return f"{told}，{rounded(row['unmatched_persons'])}人没有同行业岗位可接" + (f"；{near}" if near else "")

    return _both(row, "本县区同行业", rest)


def _county_text(row: Row, posts: Posts) -> str:
    is_city = row["area_kind"] == CITY
    place = "全市" if is_city else "本县区"

    def rest() -> str:
        told = f"{loss_words(row)}，{place}在招{formats.count(row['open_posts'])}个岗位"
        told += f"（{formats.month(row['vacancy_month'])}）"
        if not int(row["unmatched_persons"] + 0.5):
            return f"{told}，各行业岗位数都不少于减员"
        told += f"；{rounded(row['unmatched_persons'])}人没有同行业岗位可接"
        if not int(row["training_persons"] + 0.5):
            return f"{told}，其他行业也没有富余岗位"
        is_all = rounded(row["training_persons"]) == rounded(row["unmatched_persons"])
        told += "，都" if is_all else f"，其中{rounded(row['training_persons'])}人"
        told += "可经转岗培训接其他行业的富余岗位"
        return told if is_city else told + _top_field(row["county_code"], posts)

    return _both(row, place, rest)


def _top_field(code: str, posts: Posts) -> str:
    """The field of the job plan with most posts, to aim training at."""
    own = [
        (count, field) for (county, field), count in posts.fields.items() if county == code and field not in NO_FIELDS
    ]
    if not own:
        return ""
    count, field = max(own)
    return f"（岗位最多的领域：{field}，{formats.count(count)}个）"
