"""The read-only files: one DuckDB file per edition for analysts, one per county with just its rows.

A file is built under a temporary name, read back, synced and renamed; then the link ``current.duckdb`` moves to the
latest edition in one step. Once the edition is on record its files are never touched again; before that, a file left
by a killed run is written anew. The months are cut from the last edition's files where they still hold (``base``), a
county's from the city's. No personal data and no raw value leaves here.
"""

import re

from pipelines import star
from pipelines.errors import StageOrderError
from pipelines.ledger import Ledger
from pipelines.purpose import USES
from pipelines.run import Export, Receipt, Run
from pipelines.settings import Settings
from pipelines.stages.publish import shelf
from pipelines.stages.publish.edition import TABLES, Files
from pipelines.warehouse import Warehouse

__all__ = ["TABLES", "run"]

FILE_SAFE = re.compile(r"[0-9A-Za-z_-]+")
UNKNOWN_COUNTY = "000000"
PUBLICATION, COUNTY_FILES, WARNING = USES["publication"], USES["county_files"], USES["warning"]


def run(run: Run, warehouse: Warehouse, ledger: Ledger) -> Receipt:
    """Publish the edition in the working file; its rows in, its rows published out.

    Raises ``StageOrderError`` where the working file holds another edition than ``run`` names.
    """
    edition_id = f"{run.as_of.isoformat()}-r{run.revision}"
    held = warehouse.rows("SELECT edition_id FROM edition.edition") if warehouse.exists("edition.edition") else []
    if held != [(edition_id,)]:
        raise StageOrderError(f"the working file does not hold edition {edition_id}; run the stages before publish")
    folder = run.home.published if run.output is None else run.edition_folder / "published"
    is_issued = run.output is None and any(
        record.edition_id == edition_id and record.was_issued() for record in ledger.editions(as_of=run.as_of)
    )
    codes, unnamed = _counties(warehouse)
    kept_back = _kept_back(warehouse)
    if PUBLICATION in kept_back:
        return _nothing(run, kept_back[PUBLICATION])
    gone = len(ledger.withdrawn(through=run.through)) + len(ledger.erased())
    warehouse.store(star.DICTIONARY, star.dictionary(warehouse.contracts))
    warehouse.store(star.CAUTION, star.cautions(warehouse.contracts))
    files = Files(run, warehouse, folder, edition_id, is_issued=is_issued, withdrawals=gone)
    counts = files.write([] if COUNTY_FILES in kept_back else codes)
    notes = files.notes
    if COUNTY_FILES in kept_back:
        notes.append(f"no county files: not approved for {', '.join(kept_back[COUNTY_FILES])}")
    if unnamed:
        notes.append(f"no county file for {unnamed} county codes that cannot be file names")
    if run.output is None:
        shelf.point_current(folder, ledger, edition_id)
        removed = shelf.prune(folder, keep=run.settings.keep_published, own=edition_id)
        notes += [f"{removed} older files removed"] if removed else []
    rows = sum(counts.values())
    run.progress(f"发布：wengang-{edition_id}.duckdb，{rows} 行，县区文件 {len(codes)} 个")
    return Receipt(
        stage="publish", rows_in=rows, rows_out=rows, notes=tuple(notes), exports=_exports(files, run.settings)
    )


def _kept_back(warehouse: Warehouse) -> dict[str, list[str]]:
    """Use, as ``ingest.purpose`` calls it → the feeds that were not approved for it."""
    found: dict[str, list[str]] = {}
    for feed, uses in warehouse.rows(
        "SELECT feed, withheld_text FROM ingest.purpose WHERE withheld_text IS NOT NULL ORDER BY feed"
    ):
        for use in uses.split("、"):
            found.setdefault(use, []).append(feed)
    return found


def _nothing(run: Run, feeds: list[str]) -> Receipt:
    """The edition goes out without files for analysts; those of the last one stay."""
    run.progress(f"发布：{'、'.join(feeds)} 未批准用于{PUBLICATION}，本期不生成数据文件")
    return Receipt(stage="publish", rows_in=0, rows_out=0, notes=(f"nothing: not approved for {', '.join(feeds)}",))


def _exports(files: Files, settings: Settings) -> tuple[Export, ...]:
    """What was written: the city's file, and each county's."""
    return tuple(
        Export(COUNTY_FILES, settings.county_name(code), rows, WARNING)
        if code
        else Export(PUBLICATION, "本局分析人员", rows, WARNING)
        for code, rows in sorted(files.rows.items())
    )


def _counties(warehouse: Warehouse) -> tuple[list[str], int]:
    """County codes that get a file of their own, and how many cannot be part of a file name."""
    codes = [code for (code,) in warehouse.rows("SELECT county_code FROM edition.county ORDER BY county_code")]
    known = [code for code in codes if code != UNKNOWN_COUNTY]
    safe = [code for code in known if FILE_SAFE.fullmatch(code)]
    return safe, len(known) - len(safe)
