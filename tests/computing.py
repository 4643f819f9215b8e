"""Features and scores of an opened night, by any engine, as plain rows to compare."""

from pipelines.nightly import Night
from pipelines.stages import features, risk
from pipelines.work import Engine

TABLES = ("features.enterprise", "risk.score", "risk.reason", "risk.drift", "risk.model")


def computed(night: Night, engine: Engine | None) -> dict[str, list[tuple[object, ...]]]:
    """All rows of what features and scores leave behind, in their order."""
    assert features.run(night.run, night.warehouse, engine=engine).adds_up
    assert risk.run(night.run, night.warehouse, model=night.model, engine=engine).adds_up
    keys = {table: ", ".join(night.run.contracts.tables[table].key) or "ALL" for table in TABLES}
    return {table: night.warehouse.rows(f"FROM {table} ORDER BY {keys[table]}") for table in TABLES}
