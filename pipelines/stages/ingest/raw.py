"""Landed batches → the tables of one cutoff: ``raw.*`` as views over Parquet, and ``ingest.*`` about the deliveries.

Only deliveries on record for the run, not withdrawn, exist here, and of them only rows known before the cutoff, as
corrections on record have them. Bodies of views take no parameters, so literals are rendered from contracts, hashes and
dates, never from delivered text.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from pipelines import identity, order_records, own_cases
from pipelines.contracts import DUCKDB_TYPES, RECORD_COLUMNS, RETRACTED, Contracts, Feed
from pipelines.ledger import Delivery, Ledger
from pipelines.run import Receipt, Run
from pipelines.stages.ingest import correcting, purposes
from pipelines.stages.ingest.batch import dating_period
from pipelines.stages.ingest.persons import MASK
from pipelines.stages.ingest.quarantine import still_open
from pipelines.stages.ingest.visible import Visible, period_is_month, see
from pipelines.warehouse import Warehouse

NAME_KEY, NAMED_BY = "name_key", ("name", "county", "address")
UNIT_MONTH = ("unit_no", "month")


def run(run: Run, warehouse: Warehouse, ledger: Ledger) -> Receipt:
    """Build ``ingest.*`` and ``raw.*`` as they stood at the cutoff of ``run``."""
    every = ledger.deliveries(through=run.through)
    on_record = [d for d in every if d.feed in run.contracts.feeds or not d.feed]
    erased = ledger.erased()
    held = [d for d in on_record if d.status == "accepted" and (d.feed, d.batch) not in erased]
    allowed = purposes.split(run, held)
    accepted = allowed.used
    visible = [v for d in accepted if (v := see(d, run)) is not None]
    refused = [d for d in on_record if d.status == "refused" and d.received_at < run.cutoff]
    unused = purposes.store(run, warehouse, allowed)
    corrected = correcting.store(run, warehouse, ledger, visible)
    warehouse.store("ingest.identity_decision", _decisions(run, warehouse, ledger))
    warehouse.store("ingest.own_case", _own_cases(run, warehouse, ledger))
    warehouse.store("ingest.order_done", _done_orders(run, warehouse, ledger))
    warehouse.store("ingest.delivery", _deliveries(corrected.visible, warehouse))
    warehouse.store("ingest.delivery_period", _delivery_periods(corrected.visible, warehouse))
    warehouse.store("ingest.superseded", _superseded(corrected.visible, run.contracts, warehouse))
    warehouse.store("ingest.refusal", _refusals(refused, warehouse))
    warehouse.store("ingest.check_count", _check_counts(visible, warehouse))
    warehouse.store("ingest.quarantine", still_open(visible, run.contracts))
    for table in sorted(name for name in run.contracts.tables if name.startswith("raw.")):
        _view(table, visible, run, warehouse)
    _unknown_unit_months(visible, run, warehouse)
    later, strange = len(accepted) - len(visible), len(every) - len(on_record)
    notes: tuple[str, ...] = (
        f"deliveries visible: {len(visible)}, refused files: {len(refused)}",
        f"deliveries known only after the cutoff: {later}, of feeds without a contract: {strange}",
    )
    if unused:
        notes += (f"deliveries left out because their use is not approved: {len(unused)}",)
    if corrected.changed or corrected.dropped:
        notes += (f"corrections: {corrected.changed} values replaced, {corrected.dropped} rows left out",)
    return _receipt(visible, refused, unused, notes, corrected=corrected.dropped)


def _receipt(
    visible: list[Visible],
    refused: list[Delivery],
    unused: list[Delivery],
    notes: tuple[str, ...],
    *,
    corrected: int,
) -> Receipt:
    landed = sum(v.delivery.rows_landed for v in visible)
    quarantined = sum(v.delivery.rows_quarantined for v in visible)
    known, held = sum(v.known_rows for v in visible), sum(v.known_held for v in visible)
    dropped = {
        "quarantined": held,
        "set_aside": sum(v.delivery.rows_set_aside for v in visible),
        "known_after_cutoff": landed + quarantined - known - held,
        "refused_files": sum(d.rows_in for d in refused),
    }
    dropped |= {"left_out_by_correction": corrected} if corrected else {}
    dropped |= {"use_not_approved": sum(d.rows_in for d in unused)} if unused else {}
    rows_in = sum(v.delivery.rows_in for v in visible) + dropped["refused_files"] + dropped.get("use_not_approved", 0)
    return Receipt("ingest", rows_in=rows_in, rows_out=known - corrected, dropped=dropped, notes=notes)


def _frame(table: str, records: Iterable[Mapping[str, Any]], warehouse: Warehouse) -> pl.DataFrame:
    return pl.DataFrame(list(records), schema=warehouse.contracts.polars_schema(table), orient="row")


def _decisions(run: Run, warehouse: Warehouse, ledger: Ledger) -> pl.DataFrame:
    """What officers had decided about names by the cutoff."""
    held = identity.on_record(ledger, through=run.through, cutoff=run.cutoff)
    records = (
        {
            "name_key": one.name_key,
            "verdict": "认定" if one.enterprise_id else identity.NONE,
            "enterprise_id": one.enterprise_id,
            "decided_by": one.role,
            "decided_at": one.decided_at,
            "reason_text": one.reason,
        }
        for one in held.values()
    )
    return _frame("ingest.identity_decision", records, warehouse)


def _own_cases(run: Run, warehouse: Warehouse, ledger: Ledger) -> pl.DataFrame:
    """What officers had put on the list by hand by the cutoff."""
    records = (
        {
            "enterprise_id": one.enterprise_id,
            "colour": one.colour,
            "decided_by": one.role,
            "decided_at": one.added_at,
            "reason_text": one.reason,
        }
        for one in own_cases.on_record(ledger, through=run.through, cutoff=run.cutoff)
    )
    return _frame("ingest.own_case", records, warehouse)


def _done_orders(run: Run, warehouse: Warehouse, ledger: Ledger) -> pl.DataFrame:
    """What desks had recorded as done by the cutoff."""
    records = (
        {"order_no": one.order_no, "done_on": one.done_on, "decided_by": one.role, "decided_at": one.recorded_at}
        for one in order_records.on_record(ledger, through=run.through, cutoff=run.cutoff)
    )
    return _frame("ingest.order_done", records, warehouse)


def _deliveries(visible: list[Visible], warehouse: Warehouse) -> pl.DataFrame:
    return _frame(
        "ingest.delivery",
        (
            {
                "delivery_no": d.delivery_no,
                "feed": d.feed,
                "batch": d.batch,
                "file_name": d.file_name,
                "received_at": d.received_at,
                "dated_by": d.dated,
                "row_count": v.known_rows + v.known_held + d.rows_set_aside,
                "landed_count": v.known_rows,
                "quarantined_count": v.known_held,
                "set_aside_count": d.rows_set_aside,
            }
            for v, d in ((v, v.delivery) for v in visible)
        ),
        warehouse,
    )


def _delivery_periods(visible: list[Visible], warehouse: Warehouse) -> pl.DataFrame:
    records = (
        {
            "delivery_no": v.delivery.delivery_no,
            "period_on": period.on,
            "row_count": period.rows,
            "known_at": period.known_at,
            "quarantined_count": period.held,
        }
        for v in visible
        for period in v.periods
    )
    return _frame("ingest.delivery_period", records, warehouse)


def _superseded(visible: list[Visible], contracts: Contracts, warehouse: Warehouse) -> pl.DataFrame:
    """Periods of deliveries that a later file told anew as a whole, of feeds whose files cover periods.

    A part of a period is told anew by the same part, or by a file that is no part.
    """
    told: dict[tuple[str, Any], list[tuple[Any, int, str]]] = defaultdict(list)
    for v in visible:
        feed = contracts.feeds[v.delivery.feed]
        if feed.covers == "period":
            part = feed.layout.part(v.delivery.file_name)
            for period in v.periods:
                if period.rows and period.on is not None:
                    told[v.delivery.feed, period.on].append((period.known_at, v.delivery.delivery_no, part))
    records = (
        {"delivery_no": number, "period_on": on}
        for (_, on), words in sorted(told.items())
        for place, (_, number, part) in enumerate(sorted(words))
        if {later for _, _, later in sorted(words)[place + 1 :]} & {part, ""}
    )
    return _frame("ingest.superseded", records, warehouse)


def _refusals(refused: list[Delivery], warehouse: Warehouse) -> pl.DataFrame:
    records = (
        {
            "feed": d.feed,
            "file_name": d.file_name,
            "received_at": d.received_at,
            "batch": d.batch,
            "reason_text": d.reason,
        }
        for d in refused
    )
    return _frame("ingest.refusal", records, warehouse)


def _check_counts(visible: list[Visible], warehouse: Warehouse) -> pl.DataFrame:
    records = (
        {
            "feed": v.delivery.feed,
            "batch": v.delivery.batch,
            "delivery_no": v.delivery.delivery_no,
            "check_id": check_id,
            "check_sentence": check["sentence"],
            "severity": check["severity"],
            "row_count": v.known_rows + v.known_held,
            "bad_row_count": sum(period.bad.get(check_id, 0) for period in v.periods),
        }
        for v in visible
        for check_id, check in v.manifest["checks"].items()
    )
    return _frame("ingest.check_count", records, warehouse)


def _view(table: str, visible: list[Visible], run: Run, warehouse: Warehouse) -> None:
    """Make ``table`` a view over the batches of every feed that provides it; empty where none came."""
    columns = run.contracts.tables[table].columns
    typed = ", ".join(
        f'NULL::{DUCKDB_TYPES[run.contracts.column(c).type]} AS "{c}"' for c in (*columns, *RECORD_COLUMNS)
    )
    reached = correcting.touched(warehouse)
    parts = _selects(table.removeprefix("raw."), columns, visible, run, file="rows.parquet", reached=reached)
    if not parts:
        parts = [f"SELECT {typed} WHERE false"]
    warehouse.drop(table)
    warehouse.execute(f"CREATE VIEW {table} AS\n" + "\nUNION ALL\n".join(parts))


def _selects(
    target: str,
    columns: Iterable[str],
    visible: list[Visible],
    run: Run,
    *,
    file: str,
    reached: Mapping[str, Mapping[str, frozenset[str]]] | None = None,
) -> list[str]:
    """One SELECT per feed that provides ``target``, way of dating, set of landed columns and set of corrected ones.

    ``reached`` is feed → batch → the columns that corrections reach.
    """
    groups: dict[tuple[str, str, tuple[str, ...], tuple[str, ...]], list[Path]] = defaultdict(list)
    for v in visible:
        if target in run.contracts.feeds[v.delivery.feed].provides:
            own = (reached or {}).get(v.delivery.feed, {}).get(v.delivery.batch, frozenset())
            key = (v.delivery.feed, v.delivery.dated, tuple(v.manifest["columns"]), tuple(sorted(own)))
            path = v.folder / file
            if path not in groups[key]:
                groups[key].append(path)
    return [
        _select(target, list(columns), run.contracts.feeds[feed], dated, present, _source(feed, files, own, run), run)
        for (feed, dated, present, own), files in sorted(groups.items())
    ]


def _source(feed: str, files: list[Path], corrected: tuple[str, ...], run: Run) -> str:
    """SQL of the rows in ``files``, with the ``corrected`` columns as corrections have them."""
    if not corrected:
        listed = ", ".join("'" + str(path).replace("'", "''") + "'" for path in files)
        return f"read_parquet([{listed}])"
    own = run.contracts.feeds[feed]
    kinds = {c: DUCKDB_TYPES[run.contracts.feed_column(own, c).type] if c in own.columns else "" for c in corrected}
    return correcting.patched(feed, files, kinds)


def _select(
    target: str, columns: list[str], feed: Feed, dated: str, present: tuple[str, ...], source: str, run: Run
) -> str:
    mapping = feed.provides[target]
    said = {c: f'"{c}"' for c in columns if c in present} if mapping == "same" else dict(mapping)
    cast = ", ".join(
        f'CAST({said.get(c, "NULL")} AS {DUCKDB_TYPES[run.contracts.column(c).type]}) AS "{c}"'
        for c in columns
        if c != NAME_KEY
    )
    names = ", ".join(f'landed."{c}"' for c in columns if c != NAME_KEY)
    if NAME_KEY in columns:
        naming = run.contracts.tables[f"raw.{target}"].naming
        key = _name_key_sql(naming) if naming["name"] in said else "NULL::VARCHAR"
        names = f"{names}, {key} AS {NAME_KEY}"
    known = f"CAST({_known_at_sql(feed, dated, run.contracts)} AS TIMESTAMP)"
    period = dating_period(feed, run.contracts)
    retracted = f'coalesce("{RETRACTED}", false)' if RETRACTED in present else "false"
    dating = f'"{period}"' if period in present and dated == "lag" else "NULL::DATE"
    return (
        f"SELECT {names}, landed.batch, landed.line_no, delivery.delivery_no, {known} AS known_at, "
        f"landed.{RETRACTED}\n"
        f"FROM (SELECT {cast}, batch, line_no, {retracted} AS {RETRACTED}, {dating} AS _period "
        f"FROM {source}) AS landed\n"
        f"JOIN ingest.delivery AS delivery ON delivery.batch = landed.batch\n"
        f"WHERE delivery.feed = '{feed.feed}' AND delivery.dated_by = '{dated}'\n"
        f"AND {known} < TIMESTAMP '{run.cutoff.isoformat(sep=' ')}'"
    )


def _name_key_sql(naming: Mapping[Any, str]) -> str:
    """What a row without a code calls its enterprise: name, county and address in one text; else null."""
    name, county, address = (f'landed."{naming[part]}"' if part in naming else "''" for part in NAMED_BY)
    return (
        f"CASE WHEN landed.enterprise_id IS NULL AND {name} <> '{MASK}' "
        f"THEN concat({name}, '|', coalesce({county}, ''), '|', coalesce({address}, '')) END"
    )


def _known_at_sql(feed: Feed, dated: str, contracts: Contracts) -> str:
    """The same rule as ``_known_at``, in SQL over ``_period``."""
    if dated == "arrival" or dating_period(feed, contracts) is None:
        return "delivery.received_at"
    end = "landed._period + INTERVAL 1 MONTH" if period_is_month(feed, contracts) else "landed._period"
    return f"coalesce(CAST({end} + INTERVAL {feed.lag_days} DAY AS TIMESTAMP), delivery.received_at)"


def _unknown_unit_months(visible: list[Visible], run: Run, warehouse: Warehouse) -> None:
    """Units and months of which a row was taken back, left out by a correction, or quarantined if both could be read.

    Only where no good row came since. That a row is wrong does not say that nobody is insured.
    """
    held = [v for v in visible if v.delivery.rows_quarantined]
    parts = [("隔离", part) for part in _selects("insurance_month", UNIT_MONTH, held, run, file="quarantined.parquet")]
    gone = correcting.touched(warehouse)
    reached = [v for v in visible if correcting.DROPPED in gone.get(v.delivery.feed, {}).get(v.delivery.batch, ())]
    for part in _selects("insurance_month", UNIT_MONTH, reached, run, file="rows.parquet"):
        dropped = (
            f"SELECT dropped.* FROM ({part}) AS dropped SEMI JOIN ingest.correction_row AS g "
            "ON g.batch = dropped.batch "
            f"AND g.line_no = dropped.line_no AND g.column_name = '{correcting.DROPPED}'"
        )
        parts.append(("更正", dropped))
    parts.append(("作废", "SELECT * FROM raw.insurance_month WHERE is_retracted"))
    union = "\nUNION ALL\n".join(
        f"SELECT unit_no, month, known_at, delivery_no, '{cause}' AS unknown_cause FROM ({part})"
        for cause, part in parts
    )
    warehouse.execute(run.contracts.ddl("ingest.unknown_unit_month"))
    warehouse.execute(
        f"INSERT INTO ingest.unknown_unit_month SELECT unit_no, month, min(unknown_cause) FROM ({union}) AS held "
        "WHERE unit_no IS NOT NULL AND month IS NOT NULL AND NOT EXISTS (FROM raw.insurance_month AS good "
        "WHERE good.unit_no = held.unit_no AND good.month = held.month AND NOT good.is_retracted "
        "AND (row(good.known_at, good.delivery_no) > row(held.known_at, held.delivery_no) "
        "OR held.unknown_cause = '作废' AND good.delivery_no = held.delivery_no)) "
        "GROUP BY unit_no, month ORDER BY unit_no, month"
    )
