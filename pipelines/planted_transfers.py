"""Moves between sister enterprises that were planted in a city: how many nights knew them for what they are.

A group that moves its people is no layoff, and a layoff must not pass for a move. Both are counted by what past nights
saw, with the flows as they were known on each, in the months in which DESIGN 6 wants a move recognised.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import polars as pl

from pipelines import formats
from pipelines.parameters import Parameters
from pipelines.run import add_months

MONTHS_AFTER = 2
"""A move counts as recognised up to so many insurance months after its own: part of the staff arrives later."""


@dataclass(frozen=True)
class Recognition:
    """``transfers``: one row per planted move (month, uscc, persons, taken); ``cuts``: one per planted reduction.

    ``taken`` are the persons of it that some night took for a transfer, at most all; ``first_taken`` those that the
    first night which saw the month took.
    """

    transfers: pl.DataFrame
    cuts: pl.DataFrame
    share_pct: int

    @property
    def recognised(self) -> float:
        """Share of the planted moves of which a night took the parameter's share for a transfer."""
        return _share(self.transfers, "taken", self.share_pct)

    @property
    def recognised_at_once(self) -> float:
        """The same on the first night that saw the month."""
        return _share(self.transfers, "first_taken", self.share_pct)

    @property
    def explained_away(self) -> float:
        """Share of the persons of planted reductions that a night took for a transfer."""
        return int(self.cuts["taken"].sum()) / max(int(self.cuts["persons"].sum()), 1)


def recognition(
    seen: pl.DataFrame, transfers: pl.DataFrame, events: pl.DataFrame, *, parameters: Parameters
) -> Recognition:
    """Hold what nights saw against the truth.

    ``seen`` has one row per night and enterprise (enterprise_id, origin, transfer_persons, transfer_3m_persons);
    ``transfers`` and ``events`` are the tables of the truth. Moves of fewer persons than the parameter are no matter,
    nor is what lies outside the months of ``seen``.
    """
    first, last = seen["origin"].min(), seen["origin"].max()
    assert isinstance(first, date)
    assert isinstance(last, date)
    moves = (
        transfers.select("month", uscc="from_uscc", persons="persons")
        .group_by("month", "uscc")
        .agg(pl.col("persons").sum())
        .filter(pl.col("persons") >= int(parameters["transfer_minimum_persons"]))
        .filter(pl.col("month").is_between(first, add_months(last, -MONTHS_AFTER)))
        .sort("month", "uscc")
    )
    window = pl.date_ranges("month", pl.col("month").dt.offset_by(f"{MONTHS_AFTER}mo"), "1mo")
    cuts = (
        events.filter(pl.col("month").is_between(first, add_months(last, -MONTHS_AFTER)) & (pl.col("persons") > 0))
        .select("month", "uscc", "persons", "months_of_cut")
        .sort("month", "uscc")
    )
    longer = pl.date_ranges(
        "month", pl.col("month").dt.offset_by(pl.format("{}mo", pl.col("months_of_cut") - 1 + MONTHS_AFTER)), "1mo"
    )
    known = seen.select(
        uscc="enterprise_id",
        origin="origin",
        now=pl.col("transfer_persons").fill_null(0),
        taken=pl.max_horizontal("transfer_persons", "transfer_3m_persons").fill_null(0),
    )
    return Recognition(
        transfers=_taken(moves, window, known),
        cuts=_but_for(_taken(cuts, longer, known), moves),
        share_pct=int(parameters["transfer_share_pct"]),
    )


def _taken(planted: pl.DataFrame, window: pl.Expr, known: pl.DataFrame) -> pl.DataFrame:
    """``planted`` with the most that any night of its ``window`` took for a transfer, and that its first night took."""
    rows = planted.with_row_index("place").with_columns(origin=window)
    nights = rows.explode("origin").join(known, on=["uscc", "origin"], how="left").sort("place", "origin")
    found = nights.group_by("place", maintain_order=True).agg(
        taken=pl.col("taken").max().fill_null(0), first_taken=pl.col("now").first().fill_null(0)
    )
    return (
        rows.drop("origin")
        .join(found, on="place", how="left", maintain_order="left")
        .with_columns(pl.min_horizontal("persons", "taken").alias("taken"))
        .drop("place")
    )


def _but_for(cuts: pl.DataFrame, moves: pl.DataFrame) -> pl.DataFrame:
    """``cuts`` without what the same enterprise really moved in those months: that was no layoff."""
    near = cuts.with_row_index("place").join(moves.select("uscc", moved_in="month", moved="persons"), on="uscc")
    reach = pl.col("month").dt.offset_by(pl.format("{}mo", pl.col("months_of_cut") - 1 + MONTHS_AFTER))
    early = pl.col("month").dt.offset_by(f"-{MONTHS_AFTER}mo")
    really = near.filter(pl.col("moved_in").is_between(early, reach)).group_by("place").agg(pl.col("moved").sum())
    return (
        cuts.with_row_index("place")
        .join(really, on="place", how="left", maintain_order="left")
        .with_columns(taken=(pl.col("taken") - pl.col("moved").fill_null(0)).clip(lower_bound=0))
        .drop("place", "moved")
    )


def _share(rows: pl.DataFrame, column: str, pct: int) -> float:
    if not rows.height:
        return float("nan")
    return float((rows[column] * 100 >= rows["persons"] * pct).mean() or 0)  # type: ignore[arg-type]


def section(found: Recognition) -> Iterator[str]:
    """The part of the report about moves, as lines of Markdown in Chinese."""
    yield "## 五、集团内部转移与真实减员"
    yield ""
    if found.transfers.height:
        yield (
            f"预设的整体转移{found.transfers.height}次，转移当月及其后{MONTHS_AFTER}个月内识别出"
            f"{formats.percent(found.recognised)}，当月即识别出{formats.percent(found.recognised_at_once)}。"
        )
    else:
        yield "这段时间没有预设的整体转移。"
    yield (
        f"预设的真实减员{found.cuts.height}次、{int(found.cuts['persons'].sum())}人，"
        f"其中被误当作转移的占{formats.percent(found.explained_away)}。"
    )
    yield ""
