"""Landing a city's insurance months, beside DuckDB's own typed read of the same files.

    python -m benchmarks.ingest --work DIR [--units 150000] [--months 36] [--runs 3]

``landing`` is ``ingest.receive_each`` of all files: hash, decoding, header, typed values, row rules, quarantine, the
copy of the original, synced Parquet, manifest and ledger. ``typed read`` is DuckDB's CSV reader with the contract's
types into a table in memory, file by file. Both run in turns, each in a fresh process with two threads. The checkpoint
of Great Expectations over what landed and the decoding of GB18030 are told apart. ``parquet_month`` lands one month as
Parquet, and tells what reading its pages in a process of their own costs beside reading them in this one.
"""

import argparse
import shutil
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import duckdb
import numpy as np
import polars as pl

from benchmarks import homes
from benchmarks.measure import Figure, Work, cpu_seconds, in_fresh_process, middle
from pipelines import contracts as contract_files
from pipelines.contracts import RETRACTED, Contracts, FeedColumn
from pipelines.ledger import Ledger
from pipelines.run import add_months
from pipelines.settings import Home
from pipelines.stages import ingest
from pipelines.stages.gate.batches import Batch, Counts
from pipelines.stages.gate.judging import judge
from pipelines.stages.ingest import Incoming, columnar, grid
from pipelines.warehouse import Warehouse

FEED = "insurance_month"
FIRST = date(2023, 10, 1)
RECEIVED = datetime(2026, 10, 8, 9)
TRANSCODED = 64 * 2**20
READINGS = 10
DUCKDB_KINDS = {"text": "VARCHAR", "month": "DATE", "integer": "BIGINT", "fen": "DECIMAL(18, 2)"}
INSURANCES = {"pension": 0.24, "unemployment": 0.01, "injury": 0.004}


def main() -> None:
    """Write the files, measure in turns, print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--units", type=int, default=150_000)
    parser.add_argument("--months", type=int, default=36)
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    files = given.work.resolve() / f"{given.units}x{given.months}"
    write(files, units=given.units, months=given.months)
    arguments = {"files": str(files), "home": str(given.work.resolve() / "home")}
    found: dict[str, list[Figure]] = {"typed_read": [], "landing": []}
    for _ in range(given.runs):
        for piece, figures in found.items():
            figures.append(in_fresh_process(piece, arguments))
    told = {piece: middle(figures) for piece, figures in found.items()}
    told |= {piece: in_fresh_process(piece, arguments) for piece in ("checkpoint", "transcoding", "parquet_month")}
    print(page(told))


def page(told: Mapping[str, Figure]) -> str:
    """All figures as one Markdown table, and what they come to."""
    lines = ["| what | s | CPU s | peak MB | |", "| --- | ---: | ---: | ---: | --- |"]
    for piece, figure in told.items():
        detail = ", ".join(f"{name} {value}" for name, value in figure.detail.items())
        lines.append(
            f"| {piece} | {figure.seconds:.2f} | {figure.cpu_seconds:.2f} | {figure.peak_megabytes} | {detail} |"
        )
    read, land = told["typed_read"], told["landing"]
    share, cpu = read.seconds / land.seconds, read.cpu_seconds / land.cpu_seconds
    return "\n".join([*lines, "", f"Landing runs at {share:.0%} of the typed read's speed ({cpu:.0%} by CPU seconds)."])


def write(folder: Path, *, units: int, months: int) -> None:
    """One CSV file in UTF-8 a month, unless they are there: every column of the contract, money in yuan."""
    if len(list(folder.glob("*.csv"))) == months:
        return
    folder.mkdir(parents=True, exist_ok=True)
    headers = {name: spec.header[0] for name, spec in _written(contract_files.load()).items()}
    draw = np.random.default_rng(homes.SEED)
    unit_no = [f"3207{number:08d}" for number in range(units)]
    persons = np.ceil(draw.lognormal(2.2, 1.3, units)).astype(np.int64)
    for number in range(months):
        month = add_months(FIRST, number)
        joiners, leavers = draw.binomial(persons, 0.02), draw.binomial(persons, 0.02)
        persons = np.maximum(persons + joiners - leavers, 0)
        base = persons * draw.integers(400_000, 900_000, units)
        frame = pl.DataFrame(
            {
                "unit_no": unit_no,
                "month": [f"{month:%Y%m}"] * units,
                "insured_persons": persons,
                "joiners_persons": joiners,
                "leavers_persons": leavers,
                "high_base_leavers_persons": draw.binomial(leavers, 0.2),
                "base_fen": _yuan(base),
            }
        )
        for kind, rate in INSURANCES.items():
            due = (base * rate).astype(np.int64)
            deferred = np.where(draw.random(units) < 0.03, due, 0)
            paid = np.where(draw.random(units) < 0.02, 0, due - deferred)
            said = {f"due_{kind}_fen": due, f"paid_{kind}_fen": paid, f"deferred_{kind}_fen": deferred}
            frame = frame.with_columns(_yuan(values).alias(name) for name, values in said.items())
        frame.rename(headers).write_csv(folder / f"单位月度参保缴费_{month:%Y%m}.csv")


def _written(contracts: Contracts) -> Mapping[str, FeedColumn]:
    """The columns of the files: all but the mark by which rows are taken back, which no row here has."""
    return {name: spec for name, spec in contracts.feeds[FEED].columns.items() if name != RETRACTED}


def _yuan(fen: Any) -> pl.Series:
    values = pl.Series(fen)
    return (values // 100).cast(pl.String) + "." + (values % 100).cast(pl.String).str.zfill(2)


def typed_read(given: Mapping[str, Any]) -> Work:
    """DuckDB's reader, told every type, into a table in memory; a file at a time."""
    contracts = contract_files.load()
    feed = contracts.feeds[FEED]
    written = _written(contracts)
    kinds = {s.header[0]: DUCKDB_KINDS[contracts.feed_column(feed, n).type] for n, s in written.items()}
    columns = ", ".join(f"'{name}': '{kind}'" for name, kind in kinds.items())
    connection = duckdb.connect(config={"threads": homes.THREADS})
    files = sorted(Path(given["files"]).glob("*.csv"))
    options = f"columns = {{{columns}}}, header = true, delim = ',', dateformat = '%Y%m', auto_detect = false"

    def work() -> dict[str, Any]:
        rows = 0
        for path in files:
            connection.execute(f"CREATE OR REPLACE TABLE t AS FROM read_csv('{path}', {options})")
            rows += connection.execute("SELECT count(*) FROM t").fetchall()[0][0]
        return {"rows": rows, "megabytes": sum(path.stat().st_size for path in files) // 2**20}

    return work


def landing(given: Mapping[str, Any]) -> Work:
    """Receive every file in a new home."""
    home = Home(Path(given["home"]))
    shutil.rmtree(home.root, ignore_errors=True)
    home.root.mkdir(parents=True)
    contracts, ledger = contract_files.load(), Ledger(home.ledger)
    files = sorted(Path(given["files"]).glob("*.csv"))

    def work() -> dict[str, Any]:
        landed = held = 0
        came = [Incoming(path, RECEIVED + timedelta(minutes=number), FEED) for number, path in enumerate(files)]
        for incoming, told in ingest.receive_each(came, home=home, contracts=contracts, ledger=ledger):
            delivery = told[0] if isinstance(told, list) else None
            if delivery is None or delivery.status != "accepted":
                raise RuntimeError(f"{incoming.path.name} did not land: {told}")
            landed, held = landed + delivery.rows_landed, held + delivery.rows_quarantined
        return {"rows": landed, "quarantined": held}

    return work


def checkpoint(given: Mapping[str, Any]) -> Work:
    """Great Expectations over every batch that landed, as the gate does it on the first night."""
    import great_expectations  # noqa: F401, PLC0415  seconds, and no work of ours

    home, contracts = Home(Path(given["home"])), contract_files.load()
    deliveries = Ledger(home.ledger).deliveries()
    warehouse = Warehouse(None, contracts=contracts, threads=homes.THREADS)
    batches = [
        Batch(
            feed=contracts.feeds[FEED],
            batch=one.batch,
            delivery_no=one.delivery_no,
            file_name=one.file_name,
            received_at=one.received_at,
            folder=home.landing / FEED / one.batch,
            months=frozenset(),
            contract="",
            landed=Counts(one.rows_landed, one.rows_quarantined, {}),
            received_on=one.received_at.date(),
        )
        for one in deliveries
    ]

    def work() -> dict[str, Any]:
        judged = judge(contracts.feeds[FEED], batches, warehouse)
        return {"batches": judged.new_batches, "exceptions": len(judged.exceptions)}

    return work


def transcoding(given: Mapping[str, Any]) -> Work:
    """Decode GB18030 as landing does: one text of numbers, one of Chinese names."""
    numbers = next(iter(sorted(Path(given["files"]).glob("*.csv")))).read_text("utf-8").encode("gb18030")
    draw = np.random.default_rng(homes.SEED)
    signs = np.array([chr(code) for code in range(0x4E00, 0x9FA5)])
    names = "\n".join(f"91320700{n:010d},{''.join(draw.choice(signs, 14))}有限公司,存续" for n in range(20_000))
    texts = {"numbers": numbers, "names": names.encode("gb18030")}
    texts = {name: text * (TRANSCODED // len(text)) for name, text in texts.items()}

    def work() -> dict[str, Any]:
        told = {}
        for name, text in texts.items():
            began = process_time()
            grid.decode(text)
            told[f"{name} MB/s"] = round(len(text) / 1e6 / (process_time() - began))
        return told

    return work


def parquet_month(given: Mapping[str, Any]) -> Work:
    """Receive one month as Parquet in a new home, money and counts as numbers."""
    home = Home(Path(given["home"]) / "parquet")
    shutil.rmtree(home.root, ignore_errors=True)
    home.root.mkdir(parents=True)
    contracts, ledger = contract_files.load(), Ledger(home.ledger)
    path = home.root / "month.parquet"
    codes = {contracts.feeds[FEED].columns[name].header[0]: pl.String for name in ("unit_no", "month")}
    pl.read_csv(next(iter(sorted(Path(given["files"]).glob("*.csv")))), schema_overrides=codes).write_parquet(path)

    def work() -> dict[str, Any]:
        delivery = ingest.receive(Incoming(path, RECEIVED, FEED), home=home, contracts=contracts, ledger=ledger)
        if delivery is None or delivery.status != "accepted":
            raise RuntimeError(f"{path.name} did not land: {delivery}")
        content, told = path.read_bytes(), {"rows": delivery.rows_landed}
        ways = {"apart": lambda: columnar.read(content), "here": lambda: pl.read_parquet(content)}
        for name, read in ways.items():
            began, cpu = perf_counter(), cpu_seconds()
            for _ in range(READINGS):
                read()
            told |= {
                f"{name} ms": round(1000 * (perf_counter() - began) / READINGS),
                f"{name} CPU ms": round(1000 * (cpu_seconds() - cpu) / READINGS),
            }
        return told

    return work


if __name__ == "__main__":
    main()
