"""Wengang: departments' deliveries in, an accountable early-warning edition out."""

STAGES = ("ingest", "core", "gate", "features", "risk", "edition", "report", "publish", "alert")
