"""Great Expectations behind one interface: a suite of checks and a frame in, one outcome per check out.

An expectation that raises is told apart from one that data break, because Great Expectations reports both as a failure.
The context lives in memory, draws nothing, asks no network and keeps nothing. The import takes seconds, so it happens
inside. This module refuses to decide what an outcome means.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from pipelines.checks import FLAGGED, Check

RESULT_FORMAT = {
    "result_format": "COMPLETE",
    "exclude_unexpected_values": True,
    "return_unexpected_index_query": False,
    "partial_unexpected_count": 0,
}


def _nowhere() -> npt.NDArray[np.int64]:
    return np.empty(0, dtype=np.int64)


@dataclass(frozen=True)
class Outcome:
    """What one check found in one frame: the places of the bad rows, or the exception that kept it from looking."""

    check: Check
    row_count: int
    bad_rows: npt.NDArray[np.int64] = field(default_factory=_nowhere)
    exception: str | None = None

    @property
    def bad_row_count(self) -> int:
        """Rows that break the check; meaningless where it raised."""
        return len(self.bad_rows)

    @property
    def passed(self) -> bool:
        """Whether the check ran and no row broke it."""
        return self.exception is None and self.bad_row_count == 0


def validate(suite: Sequence[Check], frame: pl.DataFrame) -> list[Outcome]:
    """Run ``suite`` over ``frame`` (flag columns of ``FLAGGED`` kinds included); one outcome per check, in order.

    Nothing that an expectation raises escapes; it becomes the outcome's ``exception``.
    """
    if not suite:
        return []
    read = {column for check in suite for column in ((check.flag,) if check.kind in FLAGGED else check.columns)}
    pandas_frame = frame.select([column for column in frame.columns if column in read]).to_pandas()
    results = _run(suite, pandas_frame)
    return [_outcome(check, results.get(place), frame.height) for place, check in enumerate(suite)]


def _run(suite: Sequence[Check], pandas_frame: Any) -> dict[int, Any]:
    """Place of each check in the suite → its result."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx  # noqa: PLC0415  seconds
    from great_expectations.data_context.types.base import (  # noqa: PLC0415
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )
    from great_expectations.expectations.registry import get_expectation_impl  # noqa: PLC0415

    config = DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
        analytics_enabled=False,
        progress_bars=ProgressBarsConfig(globally=False),
    )
    context = gx.get_context(mode="ephemeral", project_config=config)
    asset = context.data_sources.add_pandas("frames").add_dataframe_asset("frame")
    batch = asset.add_batch_definition_whole_dataframe("whole")
    expectations = gx.ExpectationSuite(name="suite")
    for place, check in enumerate(suite):
        rendered = check.expectation()
        expectation = get_expectation_impl(rendered["type"])
        expectations.add_expectation(expectation(**rendered["kwargs"], meta={"place": place}))
    definition = gx.ValidationDefinition(name="gate", data=batch, suite=context.suites.add(expectations))
    found = definition.run(batch_parameters={"dataframe": pandas_frame}, result_format=RESULT_FORMAT)
    return {result.expectation_config.meta["place"]: result for result in found.results}


def _outcome(check: Check, result: Any, height: int) -> Outcome:
    if result is None:
        return Outcome(check, height, exception="no result was given")
    message = _raised(result.exception_info)
    if message is None and height:
        message = _contradiction(result, height)
    if message is not None:
        return Outcome(check, height, exception=message)
    return Outcome(check, height, np.asarray(result.result.get("unexpected_index_list") or [], dtype=np.int64))


def _raised(info: Mapping[str, Any] | None) -> str | None:
    """Find the message of an exception that a result hides; some come flat, some keyed by metric."""
    info = info or {}
    for part in (info, *(value for value in info.values() if isinstance(value, dict))):
        if part.get("raised_exception"):
            return str(part.get("exception_message") or "an expectation raised without a message")
    return None


def _contradiction(result: Any, height: int) -> str | None:
    """Why a result cannot be believed: rows not looked at, or counts that contradict the verdict."""
    body = result.result or {}
    listed, counted = body.get("unexpected_index_list"), body.get("unexpected_count")
    looked_at = body.get("element_count")
    if looked_at != height:
        return f"looked at {looked_at} of {height} rows"
    if counted is None or len(listed or []) != counted or bool(result.success) != (counted == 0):
        return f"success {result.success} with {counted} unexpected rows, {len(listed or [])} of them named"
    return None
