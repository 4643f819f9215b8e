"""The files of one edition: the city's first, then each county's, whose months are cut from it."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

from pipelines.contracts import read_sql
from pipelines.errors import PublishError
from pipelines.run import Run
from pipelines.stages.publish import base, files
from pipelines.stages.publish.base import WHOLE, Base
from pipelines.stages.publish.files import Recipe, Rows
from pipelines.warehouse import Warehouse

TABLES = (
    "out.edition",
    "out.warning",
    "out.warning_reason",
    "out.warning_contribution",
    "out.warning_change",
    "out.filtered",
    "out.policy_instrument",
    "out.policy_answer",
    "out.visit_answer",
    "out.work_order",
    "out.closed_case",
    "out.county_response",
    "out.refund_margin",
    "out.enterprise",
    "out.name_link",
    "out.enterprise_month",
    "out.risk",
    "out.county_industry_month",
    "out.area",
    "out.area_order",
    "out.target",
    "out.absorption",
    "out.policy_reserve",
    "out.caseload",
    "out.fair",
    "out.market_month",
    "out.enterprise_year",
    "out.series_revision",
    "out.series_balance",
    "out.source_status",
    "out.source_period",
    "out.quality_result",
    "out.feed_quality",
    "out.department_quality",
    "out.feed_drift",
    "out.model",
    "out.drift",
    "out.parameter",
    "out.dictionary",
    "out.caution",
)
MONTHS = "out.enterprise_month"


@dataclass
class Files:
    """The files of ``edition_id`` in ``folder``; those of an issued edition that are there are left as they are."""

    run: Run
    warehouse: Warehouse
    folder: Path
    edition_id: str
    is_issued: bool
    withdrawals: int
    notes: list[str] = field(default_factory=list)
    written: dict[str, Path] = field(default_factory=dict)
    copied: set[str] = field(default_factory=set)
    rows: dict[str, int] = field(default_factory=dict)
    scratch: Path = field(init=False)

    def write(self, counties: Sequence[str]) -> dict[str, int]:
        """Write what is missing and the book of it; gives the rows of each table of the city's file, if written."""
        with TemporaryDirectory() as scratch:
            self.scratch = Path(scratch)
            return self._write_missing(counties)

    def _write_missing(self, counties: Sequence[str]) -> dict[str, int]:
        missing = [code for code in counties if not self._is_left(code)]
        counts: dict[str, int] = {}
        if self._is_left(WHOLE):
            self.notes.append(f"{self._target(WHOLE).name} exists and was left as it is")
        else:
            counts = self._write(WHOLE)
        if missing:
            with self.warehouse.attached(self._target(WHOLE), name="whole"):
                for code in missing:
                    self._write(code)
        if counts and self.run.output is None:
            sizes = {code: size for code, size in self._base.sizes.items() if code in self.copied}
            base.keep(
                self.run,
                self.warehouse,
                self.folder,
                self.written,
                sizes=sizes,
                withdrawals=self.withdrawals,
            )
        if self.copied:
            told = f"{len(self._base.months)} months and {len(self._base.moved)} enterprises new in a county"
            self.notes.append(f"{len(self.copied)} of {len(self.written)} files copied and brought up to date: {told}")
        return counts

    def _write(self, code: str) -> dict[str, int]:
        recipes = [self._whole(code)]
        if code in self._base.files:
            recipes.insert(0, self._brought_up(code))
        for recipe in recipes:
            try:
                counts = files.write(
                    self.warehouse,
                    self._target(code),
                    start=recipe.copied or self._blank,
                    tables=TABLES,
                    recipe=recipe,
                    expected=self._expected[code],
                )
            except PublishError as error:
                if recipe is recipes[-1]:
                    raise
                self.notes.append(f"{self._target(code).name} was written whole: {error}")
                continue
            self.written[code] = self._target(code)
            self.rows[code] = sum(counts.values())
            self.copied |= {code} if recipe.copied else set()
            break
        return counts

    def _whole(self, code: str) -> Recipe:
        if code == WHOLE:
            return Recipe(parameters={"county_code": None})
        return Recipe(bodies={MONTHS: "out/county_months"}, parameters={"county_code": code})

    def _brought_up(self, code: str) -> Recipe:
        """A copy of the last edition's file with the months written again that changed or whose enterprises moved."""
        is_whole = code == WHOLE
        return Recipe(
            copied=self._base.files[code],
            bodies={MONTHS: "out/months_changed" if is_whole else "out/county_months_changed"},
            gone={MONTHS: "out/months_gone" if is_whole else "out/county_months_gone"},
            parameters={
                "county_code": None if is_whole else code,
                "months": list(self._base.months),
                "moved": list(self._base.moved),
            },
        )

    def _target(self, code: str) -> Path:
        if code == WHOLE:
            return self.folder / f"wengang-{self.edition_id}.duckdb"
        return self.folder / "county" / f"{code}-{self.edition_id}.duckdb"

    def _is_left(self, code: str) -> bool:
        return self.is_issued and self._target(code).is_file()

    @cached_property
    def _blank(self) -> Path:
        return files.blank(self.warehouse, self.scratch / "blank.duckdb", tables=TABLES)

    @cached_property
    def _base(self) -> Base:
        return base.find(self.run, self.warehouse, self.folder, withdrawals=self.withdrawals)

    @cached_property
    def _expected(self) -> dict[str, Rows]:
        """County → month, rows and sums as the core knows them, months in order; the city's are their sums."""
        found: dict[str, Rows] = defaultdict(list)
        whole: dict[object, list[int]] = {}
        for code, month, *sums in self.warehouse.rows(read_sql("out/months_expected")):
            found[code].append((month, *sums))
            whole[month] = [a + b for a, b in zip(whole.get(month, [0] * len(sums)), sums, strict=True)]
        found[WHOLE] = [(month, *sums) for month, sums in sorted(whole.items(), key=lambda item: str(item[0]))]
        return found
