"""Month slabs of facts: one immutable Parquet file per table, month and bucket of enterprises, rows in their order.

A month is made again only when what it rests on changes: the deliveries that speak of it, of which
``ingest.delivery_period`` tells without a row being read, or the enterprise of an identifier in it (``links``). Of a
month made again only the buckets are written whose rows are others; the files of the rest are taken over. An older
cutoff finds its own slabs beside the newer ones. ``slabs.json`` says which slabs held for which links; without it all
months are made again.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from pipelines.contracts import Slab, Table
from pipelines.facts import slabs, slabs_in
from pipelines.run import Run, add_months, atomic_file, make_folder, sync_folder
from pipelines.stages.core import latest, links, rests, unlinked
from pipelines.stages.core.rests import Rest
from pipelines.warehouse import Warehouse

ROWS_AT_ONCE = 600_000
BOOK, LINKS = "slabs.json", "links"
LEFT_OUT = "unlinked.parquet"


@dataclass(frozen=True)
class Written:
    """What became of one fact: months in all, months made, files written, and what of it reaches no enterprise."""

    table: str
    months: int
    new: int
    files: int
    unlinked: pl.DataFrame


def write(run: Run, warehouse: Warehouse) -> list[Written]:
    """Bring the slabs of every fact up to date and make its view."""
    root = run.home.core
    book = _book(root)
    rests_on = rests.of_facts(run, warehouse)
    current = links.name(warehouse)
    if not (root / LINKS / f"{current}.parquet").is_file():
        links.keep(warehouse, root / LINKS / f"{current}.parquet")
    before = root / LINKS / f"{book['links']}.parquet"
    pages: dict[str, dict[str, str]] = book["slabs"] if before.is_file() else {}
    change = links.compare(warehouse, before) if pages and book["links"] != current else links.NOTHING
    done: list[Written] = []
    for table, slab in rests.facts(run.contracts):
        page, rest = pages.get(table.table, {}), rests_on[table.table]
        fact = _Fact(run, warehouse, table, slab, rest, page, linked_by=current)
        done.append(fact.write(change))
        pages = pages | {table.table: {month.isoformat(): name for month, name in fact.names.items()}}
    _keep_book(root, {"links": current, "slabs": pages})
    return done


def _book(root: Path) -> dict[str, Any]:
    path = root / BOOK
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {"links": "", "slabs": {}}


def _keep_book(root: Path, book: Mapping[str, Any]) -> None:
    with atomic_file(root / BOOK) as temporary:
        temporary.write_text(json.dumps(book, sort_keys=True, indent=1) + "\n", encoding="utf-8")
    for path in (root / LINKS).iterdir():
        if path.stem != book["links"]:
            path.unlink()


@dataclass
class _Fact:
    """The slabs of one fact on one night; ``names`` are its months' folders once ``write`` is done."""

    run: Run
    warehouse: Warehouse
    table: Table
    slab: Slab
    rests_on: Mapping[date, Rest]
    page: Mapping[str, str]
    linked_by: str
    names: dict[date, str] = field(init=False)
    files: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        """Take over every slab of the last night whose month still rests on the same."""
        self.names = {
            month: name
            for month, rest in self.rests_on.items()
            if (name := self.page.get(month.isoformat(), "")).startswith(rest.name)
            and self._folder(month, name).is_dir()
        }

    def write(self, change: links.Change) -> Written:
        """Write what is missing or was linked otherwise, then make the view."""
        for month in () if change.is_none else self._touched(change):
            self.names.pop(month, None)
        linked_by = hashlib.sha256(self.linked_by.encode()).hexdigest()[:8]
        fresh = {m: f"{rest.name}-{linked_by}" for m, rest in self.rests_on.items() if m not in self.names}
        missing = sorted(month for month, name in fresh.items() if not self._folder(month, name).is_dir())
        for months in self._portions(missing):
            self._write_months({month: fresh[month] for month in months})
        self.names = dict(sorted((self.names | fresh).items()))
        folders = [self._folder(month, name) for month, name in self.names.items()]
        self.warehouse.view_over_files(self.table.table, [path for folder in folders for path in slabs_in(folder)])
        self._forget()
        left_out = [folder / LEFT_OUT for folder in folders if (folder / LEFT_OUT).is_file()]
        told = unlinked.of_files(self.slab, left_out)
        return Written(self.table.table, len(self.names), len(missing), self.files, told)

    def _portions(self, months: Sequence[date]) -> Iterator[list[date]]:
        """``months`` in portions of about ``ROWS_AT_ONCE`` raw rows: large ones cost memory, small ones time."""
        portion: list[date] = []
        for month in months:
            portion.append(month)
            if sum(self.rests_on[m].rows for m in portion) >= ROWS_AT_ONCE:
                yield portion
                portion = []
        if portion:
            yield portion

    def _folder(self, month: date, name: str) -> Path:
        return self.run.home.core / self.table.name / month.isoformat() / name

    def _touched(self, change: links.Change) -> set[date]:
        """Months taken over in which an identifier now leads elsewhere; a row counts for as many months as the span."""
        own: set[Any] = set()
        for column, kind in self.slab.links.items():
            if kind in change.moved:
                raw = self.run.contracts.tables[self.slab.raw]
                own |= links.moved_months(self.warehouse, raw, column, kind)
            if kind in change.came:
                own |= self._came(column, kind)
        return {add_months(month, lag) for month in own for lag in range(rests.span_of(self.slab, self.run))}

    def _came(self, column: str, kind: str) -> set[Any]:
        """Months whose rows without an enterprise name an identifier that has one now."""
        paths = [self._folder(month, name) / LEFT_OUT for month, name in self.names.items()]
        listed = [path for path in paths if path.is_file()]
        if not listed:
            return set()
        came = self.warehouse.frame("SELECT identifier FROM _link_came WHERE link_kind = $kind", kind=kind)
        rows = pl.concat([pl.read_parquet(path, columns=["month", column]) for path in listed])
        return set(rows.join(came, left_on=column, right_on="identifier", how="semi")["month"])

    def _write_months(self, names: Mapping[date, str]) -> None:
        columns = ", ".join(f'"{c}"' for c in self.table.columns)
        self.warehouse.store("core.changed_month", pl.DataFrame({"month": list(names)}, schema={"month": pl.Date}))
        given = {self.slab.span: rests.span_of(self.slab, self.run)} if self.slab.span else {}
        contested = rests.contested(self.run, self.warehouse, self.slab, names)
        body = latest.body(self.table, self.run.contracts, contested=contested)
        rows = self.warehouse.frame(f"SELECT {columns} FROM (\n{body}\n)", **given)
        left_out = unlinked.of_months(self.warehouse, self.slab)
        for month, name in names.items():
            own = latest.added_up(rows.filter(pl.col("month") == month), self.table)
            self._keep(month, name, own, left_out.filter(pl.col("month") == month))

    def _keep(self, month: date, name: str, rows: pl.DataFrame, left_out: pl.DataFrame) -> None:
        folder = self._folder(month, name).parent
        make_folder(folder)
        temporary = Path(tempfile.mkdtemp(dir=folder, prefix="."))
        typed = rows.cast(self.run.contracts.polars_schema(self.table.table))  # type: ignore[arg-type]
        before = folder / self.page.get(month.isoformat(), name)
        for bucket, body in slabs(typed, self.table.key[0]):
            self.files += _put(body, temporary / bucket, before / bucket)
        if left_out.height:
            _write(left_out, temporary / LEFT_OUT)
        sync_folder(temporary)
        temporary.rename(folder / name)
        sync_folder(folder)

    def _forget(self) -> None:
        """Keep each month's slab in use and the latest other one; the rest can be written again from landing."""
        for month, name in self.names.items():
            others = [path for path in self._folder(month, name).parent.iterdir() if path.name != name]
            for path in sorted(others, key=lambda p: p.stat().st_mtime_ns)[:-1]:
                shutil.rmtree(path, ignore_errors=True)


def _put(body: bytes, path: Path, before: Path) -> bool:
    """Write ``body``, or take the file ``before`` where it says the same; whether one was written.

    A file system that has no hard links has it written again.
    """
    if before.is_file() and before.stat().st_size == len(body) and before.read_bytes() == body:
        with suppress(OSError):
            os.link(before, path)
            return False
    path.write_bytes(body)
    _sync(path)
    return True


def _write(frame: pl.DataFrame, path: Path) -> None:
    frame.write_parquet(path, compression="zstd", compression_level=1)
    _sync(path)


def _sync(path: Path) -> None:
    with path.open("rb") as written:
        os.fsync(written.fileno())
