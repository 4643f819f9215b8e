"""One broken file received in a home of its own, and what may be said against how it ended.

A file must end accepted or refused in Chinese, with every record accounted for. Where the records of the file can be
counted without the reader under test they are, and a record that the mutation did not touch must have landed as the
whole file's did.
"""

import csv
import io
import json
import re
import shutil
import zipfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
from mutations import ON_ANY, Mutant
from specimens import TEXTS, Specimen

from pipelines.contracts import Contracts
from pipelines.ledger import Delivery, Ledger
from pipelines.settings import Home
from pipelines.stages.ingest import Incoming, receive

ARRIVED = datetime(2026, 11, 20, 9, 30)
CHINESE = re.compile("[\u4e00-\u9fff]{4}.*；.*请|[\u4e00-\u9fff]{4}.*，请")
REPEATED = "first_of_key"
STRAY = "a stray quotation mark"
Record = tuple[int, tuple[str, ...]]


@dataclass(frozen=True)
class Verdict:
    """How a file ended, and all that is wrong with that."""

    kind: str
    container: str
    feed: str
    number: int
    outcome: str
    reason: str = ""
    faults: tuple[str, ...] = ()
    megabytes: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Landed:
    """What became of each line of a file."""

    delivery: Delivery
    manifest: dict[str, Any]
    records: list[Record] | None
    good: dict[int, tuple[Any, ...]]
    held: dict[int, set[str]]

    def header(self) -> list[tuple[str, ...]]:
        """The header rows as written."""
        first = self.manifest["header_line"]
        lines = dict(self.records or [])
        return [lines.get(first + n, ()) for n in range(self.manifest["header_rows"])]


@dataclass
class Judge:
    """Receives files in fresh homes under ``root``; remembers how each unbroken specimen landed."""

    root: Path
    contracts: Contracts
    whole: dict[tuple[str, str], Landed] = field(default_factory=dict)

    def judge(self, made: Mutant, specimen: Specimen, number: int) -> Verdict:
        """Receive a mutant and look at everything that it left."""
        whole = self.whole.get((specimen.feed, specimen.container))
        if whole is None:
            ended, faults = self._received(Mutant("", specimen.written(), specimen.table), specimen)
            assert isinstance(ended, Landed), (specimen.feed, specimen.container, ended, faults)
            whole = self.whole[specimen.feed, specimen.container] = ended
        ended, faults = self._received(made, specimen)
        if isinstance(ended, Landed):
            faults += [*_uncounted(ended, specimen), *_touched(ended, whole)]
            is_binary = specimen.container in {"xlsx", "xls", "parquet"}
            # An .xls has no checksum: that its last rows are gone with a block nobody can see.
            is_unseen = specimen.container == "xls" and ended.delivery.rows_in < whole.delivery.rows_in
            is_other = ended.delivery.rows_in != whole.delivery.rows_in and not is_unseen
            if is_binary and made.kind in ON_ANY and is_other:
                faults.append(
                    f"{ended.delivery.rows_in} of {whole.delivery.rows_in} records came in, and nobody says so"
                )
        delivery = ended.delivery if isinstance(ended, Landed) else ended
        return Verdict(
            made.kind, specimen.container, specimen.feed, number, delivery.status, delivery.reason, tuple(faults)
        )

    def _received(self, made: Mutant, specimen: Specimen) -> tuple[Landed | Delivery, list[str]]:
        shutil.rmtree(self.root, ignore_errors=True)
        home = Home(self.root)
        path = home.inbox / specimen.feed / specimen.name
        path.parent.mkdir(parents=True)
        path.write_bytes(made.content)
        incoming = Incoming(path, ARRIVED, remove=True)
        delivery = receive(incoming, home=home, contracts=self.contracts, ledger=Ledger(home.ledger))
        assert delivery is not None
        landed = _looked_at(delivery, home, made, specimen) if delivery.status == "accepted" else delivery
        personal = self.contracts.feeds[specimen.feed].personal
        return landed, _lost(delivery, home, path, made.content, personal=personal)


def _lost(delivery: Delivery, home: Home, path: Path, content: bytes, *, personal: bool) -> list[str]:
    """Whether the sum holds, the original is kept as it may be, and nothing half written lies about."""
    faults = []
    if delivery.rows_in != delivery.rows_landed + delivery.rows_quarantined + delivery.rows_set_aside:
        faults.append("rows in are not landed + quarantined + set aside")
    folder = home.landing / (delivery.feed if delivery.status == "accepted" else "_refused") / delivery.batch
    kept = [file.read_bytes() for file in folder.glob("original*")]
    if path.exists():
        kept.append(path.read_bytes())
    if kept not in ([content], [] if personal else [content]):
        may_go = delivery.status == "refused" and not path.exists() and (folder / "manifest.json").is_file()
        faults += [] if may_go and not kept else ["the original is not kept as it came"]
    if delivery.status == "refused" and not CHINESE.search(delivery.reason):
        faults.append(f"the reason does not say what to do: {delivery.reason}")
    if any(home.landing.glob("*/.*")):
        faults.append("a folder half written is left")
    return faults


def _looked_at(delivery: Delivery, home: Home, made: Mutant, specimen: Specimen) -> Landed:
    folder = home.landing / delivery.feed / delivery.batch
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    rows = pl.read_parquet(folder / "rows.parquet").drop("batch")
    reasons = pl.read_parquet(folder / "reasons.parquet")
    held: dict[int, set[str]] = {line: set() for line in pl.read_parquet(folder / "quarantined.parquet")["line_no"]}
    for line, check in reasons.select("line_no", "check_id").iter_rows():
        held.setdefault(line, set()).add(check)
    good = {row[-1]: row[:-1] for row in rows.iter_rows()}
    return Landed(delivery, manifest, records_of(made, specimen, manifest), good, held)


def _uncounted(ended: Landed, specimen: Specimen) -> list[str]:
    """Counts that disagree with each other or with the file."""
    delivery, faults = ended.delivery, []
    if len(ended.good) != delivery.rows_landed or len(ended.held) != delivery.rows_quarantined:
        faults.append("the files of the batch hold other numbers of rows than the delivery tells, or a line twice")
    if any(not checks for checks in ended.held.values()):
        faults.append("a row in quarantine has no reason")
    if ended.records is not None:
        headers = ended.manifest["header_rows"]
        found = len(ended.records) - headers
        if found != delivery.rows_in:
            faults.append(f"the file holds {found} records, {delivery.rows_in} came in")
    return faults


def _touched(ended: Landed, whole: Landed) -> list[str]:
    """Records that stand in both files and yet did not land alike."""
    if ended.records is None or whole.records is None or ended.manifest["units"] != whole.manifest["units"]:
        return []
    order = _order(ended.header(), whole.header())
    if order is None:
        return []
    before = {cells: line for line, cells in whole.records}
    faults = Counter[str]()
    for line, cells in ended.records:
        if line < ended.manifest["header_line"] + ended.manifest["header_rows"] or len(cells) < len(order):
            continue
        twin = before.get(tuple(cells[place] for place in order))
        if twin is None or (len(cells) > len(order) and any(cells[len(order) :])):
            continue
        if twin in whole.good and ended.good.get(line) != whole.good[twin]:
            checks = {check.partition(":")[0] for check in ended.held.get(line, {"lost:"})}
            if line in ended.good or checks != {REPEATED}:
                faults[f"an untouched row did not land as it was: {'changed' if line in ended.good else checks}"] += 1
        elif twin in whole.held and line in ended.good and not _is_repeated(whole.held[twin]):
            faults["a row that was quarantined lands now"] += 1
    return [f"{fault} ({count})" for fault, count in faults.items()]


def _is_repeated(checks: set[str]) -> bool:
    return {check.partition(":")[0] for check in checks} == {REPEATED}


def _order(mine: Sequence[tuple[str, ...]], theirs: Sequence[tuple[str, ...]]) -> list[int] | None:
    """Where the columns of the whole file stand in this one; None where it does not have the same."""
    if list(mine) == list(theirs):
        return list(range(len(theirs[-1])))
    if len(mine) != 1 or len(theirs) != 1 or sorted(mine[0]) != sorted(theirs[0]) or len(set(mine[0])) < len(mine[0]):
        return None
    return [mine[0].index(name) for name in theirs[0]]


def records_of(made: Mutant, specimen: Specimen, manifest: dict[str, Any]) -> list[Record] | None:
    """The records of a file by a reading of its own; None where only the reader under test can tell."""
    if specimen.container in TEXTS:
        return _text_records(made.content, manifest)
    if made.table is None:
        return None
    if specimen.container == "zip":
        with zipfile.ZipFile(io.BytesIO(made.content)) as archive:
            return _text_records(archive.read(archive.namelist()[0]), manifest)
    table = [tuple(row) for row in made.table]
    if specimen.container == "parquet":
        return list(enumerate(table[specimen.header :]))
    while table and not any(table[-1]):
        table.pop()
    return list(enumerate(table, start=1))


def _text_records(content: bytes, manifest: dict[str, Any]) -> list[Record] | None:
    if manifest["encoding"] is None:
        return None
    text = content.decode(manifest["encoding"], "replace").replace("\r\n", "\n").replace("\r", "\n")
    if '"' not in text:
        lines = text.removesuffix("\n").split("\n")
        return [(n, tuple(line.split(manifest["delimiter"]))) for n, line in enumerate(lines, start=1)]
    reader, line, found = csv.reader(io.StringIO(text, newline=""), delimiter=manifest["delimiter"]), 1, []
    lines = text.split("\n")
    for cells in reader:
        stray = _has_stray_mark("\n".join(lines[line - 1 : reader.line_num]), manifest["delimiter"])
        found.append((line, (*cells, STRAY) if stray else tuple(cells)))
        line = reader.line_num + 1
    return found


def _has_stray_mark(source: str, delimiter: str) -> bool:
    """Whether more follows a closing quotation mark: such a record is no longer what it was, though its cells are."""
    try:
        list(csv.reader(io.StringIO(source, newline=""), delimiter=delimiter, strict=True))
    except csv.Error:
        return True
    return False
