"""Wengang: departments' deliveries in, an accountable early-warning edition out."""

STAGES = ("ingest", "core", "gate", "features", "risk", "edition", "outlook", "report", "publish", "alert")
