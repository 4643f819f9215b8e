"""Ingest: delivered files → immutable batches under ``landing/``; batches → ``raw.*`` as they stood at a cutoff.

``receive`` lands one file when it comes; ``run`` shows the night what was known. Every line of every file lands, is
quarantined with a reason, or is set aside and counted. This stage judges rows by contracts only and repairs nothing.
"""

from pipelines.stages.ingest.arrival import settled, shown_name, strangers, waiting
from pipelines.stages.ingest.examine import Examined, examine, reads_as
from pipelines.stages.ingest.landing import Incoming, receive, receive_all, receive_each
from pipelines.stages.ingest.raw import run
from pipelines.stages.ingest.sample import Sample, Spread, tables

__all__ = [
    "Examined",
    "Incoming",
    "Sample",
    "Spread",
    "examine",
    "reads_as",
    "receive",
    "receive_all",
    "receive_each",
    "run",
    "settled",
    "shown_name",
    "strangers",
    "tables",
    "waiting",
]
