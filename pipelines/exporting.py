"""Rows that leave the published file whole, as CSV or as a file: on record first, and only where that was approved.

The record says who, to whom, how many rows and for what; it holds nothing of the rows and no query.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from pipelines import accounts, purpose, query, small_cells
from pipelines import settings as settings_file
from pipelines.contracts import read_sql
from pipelines.errors import PurposeError, UsageError
from pipelines.ledger import Ledger
from pipelines.means import Means
from pipelines.run import Export, atomic_file
from pipelines.shapes import Use
from pipelines.suppression import DOMINANCE, ENTERPRISES, PERSONS, Limits
from pipelines.warehouse import connect_published

UNTOLD = "未说明"
KINDS = (".csv", ".parquet")


@dataclass(frozen=True)
class Telling:
    """What an export says of itself on record; ``is_outside`` where the recipient is not of the bureau."""

    purpose: str
    recipient: str
    by: str
    is_outside: bool = False


def csv_teller(means: Means, told: Telling) -> Callable[[int], None]:
    """What to call with the number of rows before they leave as CSV; raises ``PurposeError`` where they may not."""
    _refuse_rows_outside(means, told)
    _require(means)
    edition_id = _edition(means)
    return lambda rows: _tell(means, rows, told, edition_id=edition_id, what="查询结果（csv）")


def to_file(means: Means, text: str, out: Path, told: Telling) -> int:
    """Write all rows of the query ``text`` to ``out`` (.csv or .parquet), on record first; gives how many.

    Raises ``UsageError`` for a bad query, an unknown kind of file or no purpose, ``PurposeError`` where a feed was not
    approved for that.
    """
    _refuse_rows_outside(means, told)
    frame = _asked(means, text, out, told)
    _tell(means, frame.height, told, edition_id=_edition(means), what=f"查询结果文件（{out.suffix[1:]}）")
    _write(frame, out)
    return frame.height


def counts_to_file(
    means: Means, text: str, out: Path, told: Telling, *, by: Sequence[str], sums: Sequence[str]
) -> tuple[int, int]:
    """Write what the query ``text`` gives, enterprises counted by ``by`` and ``sums`` summed, small cells left out.

    On record first; gives how many cells there are and how many of them are not told. This alone may go to somebody
    outside the bureau. Raises as ``to_file``, and where the query does not give one row per enterprise.
    """
    frame = _asked(means, text, out, told)
    counted = small_cells.table(frame, by=by, sums=sums, limits=_limits(means))
    what = f"汇总结果文件（{out.suffix[1:]}，小单元格不公布）"
    _tell(means, counted.height, told, edition_id=_edition(means), what=what)
    _write(counted, out)
    return counted.height, int(counted[small_cells.LEFT_OUT].sum())


def csv_of(means: Means, frame: pl.DataFrame, told: Telling, *, what: str, edition_id: str) -> bytes:
    """The rows of ``frame`` of ``edition_id`` as CSV that spreadsheets open, on record first as ``what``.

    Raises ``UsageError`` without a purpose, ``PurposeError`` where they may not leave.
    """
    if not told.purpose.strip():
        raise UsageError("rows leave with a purpose: what they are for; it is kept on record")
    _refuse_rows_outside(means, told)
    _require(means)
    _tell(means, frame.height, told, edition_id=edition_id, what=what)
    return frame.write_csv(include_bom=True).encode()


def _asked(means: Means, text: str, out: Path, told: Telling) -> pl.DataFrame:
    """All rows of the query, where they may leave."""
    if not text.strip():
        raise UsageError("--out needs a QUERY")
    if not told.purpose.strip():
        raise UsageError("--out needs --purpose: what the rows are for; it is kept on record")
    if out.suffix not in KINDS:
        raise UsageError(f"{out}: a file is written as {' or '.join(KINDS)}")
    _require(means)
    return query.rows(published(means), text)


def _write(frame: pl.DataFrame, out: Path) -> None:
    with atomic_file(out.resolve()) as path:
        if out.suffix == ".csv":
            frame.write_csv(path)
        else:
            frame.write_parquet(path)


def _refuse_rows_outside(means: Means, told: Telling) -> None:
    """No approved use covers rows for others: what goes outside is counted, with small cells left out."""
    settings = settings_file.load(means.home)
    has_address = "@" in told.recipient
    if told.is_outside or (has_address and not settings.mail.is_inner(told.recipient)):
        raise PurposeError(
            f"不能向局外（{told.recipient}）逐行提供数据：各数据源的批准用途不含对外提供。"
            "请按县区、行业等汇总后再提供，企业过少的数不公布"
        )


def _limits(means: Means) -> Limits:
    """Which cells are small, or one enterprise's own, as the parameters of the published edition say."""
    with closing(connect_published(published(means))) as connection:
        rows = connection.execute(read_sql("monthly/limit")).fetchall()
    told = {name: next((value for value in values if value is not None), None) for name, *values in rows}
    return Limits(
        told.get("outer_small_cell_enterprises") or ENTERPRISES,
        told.get("outer_small_cell_persons") or PERSONS,
        told.get("outer_dominance_pct") or DOMINANCE,
    )


def page_of(means: Means, out: Path, made: Callable[[], tuple[str, str]], told: Telling) -> None:
    """Write the page of one enterprise to ``out``, on record first; ``made`` gives its edition and its text.

    Raises ``UsageError`` without a purpose, ``PurposeError`` where a feed was not approved for that.
    """
    if not told.purpose.strip():
        raise UsageError("--page needs --purpose: what the page is for; it is kept on record")
    _refuse_rows_outside(means, told)
    _require(means)
    edition_id, text = made()
    _tell(means, 1, told, edition_id=edition_id, what="一企一策页面")
    with atomic_file(out.resolve()) as path:
        path.write_text(text, encoding="utf-8", newline="\n")


def table_of(means: Means, out: Path, frame: pl.DataFrame, told: Telling, *, what: str, edition_id: str) -> None:
    """Write the figures of ``frame`` to ``out`` (.csv), on record first as ``what`` of ``edition_id``.

    Raises ``UsageError`` without a purpose or for another kind of file, ``PurposeError`` where a feed was not approved
    for that.
    """
    if not told.purpose.strip():
        raise UsageError("--out needs --purpose: what the figures are for; it is kept on record")
    if out.suffix != ".csv":
        raise UsageError(f"{out}: figures are written as .csv")
    _require(means)
    _tell(means, frame.height, told, edition_id=edition_id, what=what)
    with atomic_file(out.resolve()) as path:
        frame.write_csv(path, include_bom=True)


def files_of(
    means: Means,
    files: Mapping[Path, bytes],
    told: Telling,
    *,
    edition_id: str,
    what: Mapping[Path, str],
    use: Use = "publication",
    names_enterprises: bool = False,
) -> None:
    """Write ``files``, each on record first under its name in ``what``; ``use`` is what the feeds must be approved for.

    Raises ``UsageError`` without a purpose, ``PurposeError`` where a feed was not approved for that, or where files
    with ``names_enterprises`` would go outside.
    """
    if not told.purpose.strip():
        raise UsageError("--out needs --purpose: what the files are for; it is kept on record")
    if names_enterprises:
        _refuse_rows_outside(means, told)
    _require(means, use)
    for out, content in files.items():
        _tell(means, 1, told, edition_id=edition_id, what=what[out])
        with atomic_file(out.resolve()) as path:
            path.write_bytes(content)


def published(means: Means) -> Path:
    """The file that analysts read now."""
    return means.home.published / "current.duckdb"


def _require(means: Means, use: Use = "publication") -> None:
    """Refuse an export of what a feed was not approved for; the published file rests on every feed that came."""
    contracts, settings = means.contracts(), settings_file.load(means.home)
    feeds = {d.feed for d in Ledger(means.home.ledger).deliveries() if d.status == "accepted"}
    purpose.require(purpose.approvals(contracts, settings), feeds, use, on=means.now.date())


def _edition(means: Means) -> str:
    """The edition that analysts read now; a file is opened by one connection at a time."""
    with closing(connect_published(published(means))) as connection:
        return str(connection.execute("SELECT edition_id FROM out.edition").fetchall()[0][0])


def _tell(means: Means, rows: int, told: Telling, *, edition_id: str, what: str) -> None:
    export = Export(what, told.recipient, rows, " ".join(told.purpose.split()) or UNTOLD)
    accounts.hand_out(Ledger(means.home.ledger), export, by=told.by, edition_id=edition_id, now=means.now)
