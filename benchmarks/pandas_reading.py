"""What the departments sent, as pandas frames with the contracts' names: every file of the schedule, each night again.

A file's header is matched with the contract's words, money becomes fen and shares basis points, texts that repeat
become categories. What a cell was that cannot be read is remembered by its column's name in ``unreadable``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from unicodedata import normalize

import pandas as pd

from benchmarks import pandas_checks
from pipelines.contracts import Contracts
from pipelines.shapes import Feed

NOT_GIVEN = ["-", "--", "—", "——", "\\N", "#N/A"]
NOT_GIVEN_OPTIONAL = ["无", "/", "\\"]
TOTALS = r"(?:合计|总计|小计|共计|本页合计|本页小计|累计|说明|注[:：]|备注[:：]|制表|填报|审核|数据来源)"
MONEY = {"元": 100, "千元": 100_000, "万元": 1_000_000, "亿元": 10_000_000_000, "美元": 100, "万美元": 1_000_000}
SCALES = MONEY | {"%": 100, "万人": 10_000, "万千瓦时": 10_000}
TRUTHS = {"是": 1.0, "否": 0.0, "1": 1.0, "0": 0.0, "true": 1.0, "false": 0.0}
AS_TEXT = frozenset({"text", "date", "month", "boolean"})
EMPTY = {"text": "str", "date": "datetime64[us]", "month": "datetime64[us]"}


@dataclass(frozen=True)
class Delivered:
    """The latest good rows of every feed, the bad rows with a reason each, and how many rows broke each check."""

    feeds: dict[str, pd.DataFrame]
    quarantine: pd.DataFrame
    checks: pd.DataFrame
    received: pd.DataFrame


def read_all(folder: Path, *, until: pd.Timestamp, contracts: Contracts) -> Delivered:
    """Every file that had come before ``until``, in order of arrival; of each key the row that came last."""
    schedule = pd.read_csv(folder / "deliveries.csv", parse_dates=["received_at"])
    schedule = schedule[schedule["received_at"] < until].sort_values("received_at", kind="stable")
    feeds, quarantines, counts = {}, [], []
    for name, part in schedule.groupby("feed"):
        feed, files = contracts.feeds[name], part.reset_index(drop=True)
        frames = [read_file(folder / file, feed, contracts) for file in files["file"]]
        rows = pd.concat([frame.assign(delivery=at) for at, frame in enumerate(frames)], ignore_index=True)
        for column in texts(feed, contracts):
            rows[column] = rows[column].astype("category")
        good, bad, broken = pandas_checks.judge(rows, feed, contracts, files)
        quarantines.append(bad)
        counts.append(broken)
        feeds[name] = latest(good, feed, contracts)
    return Delivered(feeds, pd.concat(quarantines), pd.concat(counts), schedule)


def read_file(path: Path, feed: Feed, contracts: Contracts) -> pd.DataFrame:
    """One delivery with the contract's columns, typed; a workbook's header is the row that names most of them."""
    heads = {head: name for name, spec in feed.columns.items() for head in spec.header}
    kinds = {head: contracts.feed_column(feed, name).type for head, name in heads.items()}
    said = {head: NOT_GIVEN + NOT_GIVEN_OPTIONAL * feed.columns[name].optional for head, name in heads.items()}
    given = {"dtype": {head: str for head, kind in kinds.items() if kind in AS_TEXT}, "na_values": said}
    if path.suffix == ".csv":
        try:
            frame = pd.read_csv(path, encoding="utf-8-sig", thousands=",", low_memory=False, **given)
        except UnicodeDecodeError:
            frame = pd.read_csv(path, encoding="gb18030", thousands=",", low_memory=False, **given)
    else:
        sheet = pd.read_excel(path, engine="calamine", header=None, dtype=str, na_values=NOT_GIVEN)
        top = int(sheet.isin(list(heads)).sum(axis=1).idxmax())
        frame = sheet.iloc[top + 1 :].set_axis(sheet.iloc[top], axis=1)
    frame["line_no"] = range(len(frame))
    first = frame.columns[0]
    if not pd.api.types.is_numeric_dtype(frame[first]):
        frame = frame[~frame[first].str.match(TOTALS, na=False)]
    frame = frame[frame.drop(columns="line_no").notna().any(axis=1)]
    return typed(frame, feed, contracts, heads)


def typed(frame: pd.DataFrame, feed: Feed, contracts: Contracts, heads: Mapping[str, str]) -> pd.DataFrame:
    """The columns of ``feed`` out of ``frame``; those that the file lacks are empty."""
    found = {}
    for head in frame.columns.drop("line_no"):
        base, _, unit = normalize("NFKC", str(head)).rstrip(")").partition("(")
        if base in heads:
            found[heads[base]] = (frame[head], unit)
    result = pd.DataFrame({"line_no": frame["line_no"], "unreadable": pd.Series(None, index=frame.index, dtype=str)})
    for name, spec in feed.columns.items():
        kind = contracts.feed_column(feed, name).type
        if name not in found:
            result[name] = pd.Series(None, index=frame.index, dtype=EMPTY.get(kind, "float64"))
            continue
        cells, unit = found[name]
        result[name] = values(cells.replace(dict(spec.values)) if spec.values else cells, kind, unit or spec.unit or "")
        unread = result[name].isna() & cells.notna()
        if unread.any():
            result["unreadable"] = result["unreadable"].mask(unread, result["unreadable"].fillna("") + f"{name} ")
    return result


def values(cells: pd.Series, kind: str, unit: str) -> pd.Series:
    """Cells of one kind as values; what cannot be read is missing."""
    if kind == "text":
        return cells.str.strip()
    if kind == "boolean":
        return cells.str.strip().map(TRUTHS).astype("float64")
    if kind == "month":
        return pd.to_datetime(cells.str.replace("-", "").str[:6], format="%Y%m", errors="coerce")
    if kind == "date":
        return pd.to_datetime(cells.str[:10], format="%Y-%m-%d", errors="coerce")
    if not pd.api.types.is_numeric_dtype(cells):
        plain = cells.astype(str).str.normalize("NFKC").str.replace(",", "")
        cells = pd.to_numeric(plain, errors="coerce")
    scaled = cells.astype("float64") * SCALES.get(unit, 1)
    if kind == "integer":
        scaled = scaled.round(6)
        return scaled.where(scaled % 1 == 0)
    return scaled if kind == "number" else scaled.round()


def texts(feed: Feed, contracts: Contracts) -> list[str]:
    """The text columns of ``feed``."""
    return [name for name in feed.columns if contracts.feed_column(feed, name).type == "text"]


def latest(rows: pd.DataFrame, feed: Feed, contracts: Contracts) -> pd.DataFrame:
    """The row of each key that came last; units also by the day from which they belong, postings by their day."""
    key = list(contracts.tables[f"raw.{feed.feed}"].key)
    if feed.feed == "insured_unit":
        key.append("valid_from")
    return rows.drop_duplicates(key, keep="last").drop(columns=["line_no", "unreadable"]).reset_index(drop=True)
