"""Scenarios of stress tests as files: what happens to whom, where that comes from, and whether it was verified.

The ready ones lie in ``sql/scenarios``; a site's own is any file of the same shape. A file is read whole and all its
faults are named at once.
"""

import csv
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator, model_validator

from pipelines.contracts import SQL
from pipelines.errors import ContractError, NotFoundError

FOLDER = SQL / "scenarios"
EVERY_PRODUCT = "*"
Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
Share = Annotated[float, Field(ge=0, le=1)]
Size = Literal["大型", "中型", "小型", "微型", "未定"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Duty(_Strict):
    """A change of the duty, in percentage points, on the products whose HS code begins with ``hs``; ``*`` is all."""

    hs: Annotated[str, StringConstraints(pattern=r"^(\*|\d{2}|\d{4}|\d{6})$")]
    change_pct: float = Field(ge=-300, le=300)


class Tariff(_Strict):
    """The step of the real measures from the end of ``day_before`` to ``day``, or ``duties`` that are made up.

    Of made-up ones the longest code that fits a product counts, and all products fit ``*``.
    """

    day_before: date | None = None
    day: date | None = None
    duties: Annotated[list[Duty], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Self:
        days = [self.day_before, self.day]
        if (self.duties is None) == (None in days) or (self.duties is not None and any(days)):
            raise ValueError("give day_before and day, or duties, and not both")
        if self.day_before and self.day and self.day_before >= self.day:
            raise ValueError("day_before must lie before day")
        codes = [duty.hs for duty in self.duties or []]
        if len(set(codes)) != len(codes):
            raise ValueError("duties name a code twice")
        return self


class Deferral(_Strict):
    """``share`` of the premiums deferred in the last ``deferred_months`` months fall due within ``repay_months``."""

    deferred_months: int = Field(ge=1, le=60)
    repay_months: int = Field(ge=1, le=60)
    share: Share = 1.0


class Largest(_Strict):
    """The ``count`` largest employers, of one industry division and one county where these are named."""

    count: int = Field(ge=1, le=100)
    industry: str | None = None
    county: Annotated[str, StringConstraints(pattern=r"^\d{6}$")] | None = None


class Closing(_Strict):
    """Employers that close: ``enterprises`` by their code, and the ``largest``."""

    enterprises: list[Text] = Field(default_factory=list)
    largest: Largest | None = None

    @model_validator(mode="after")
    def _names_somebody(self) -> Self:
        if not self.enterprises and self.largest is None:
            raise ValueError("give enterprises or largest")
        return self


class Scenario(_Strict):
    """One scenario; what it does not name is not shocked. ``orders`` and ``credit`` are shares of activity lost."""

    name: Text
    label: Text
    description: Text
    source: Text
    standing: Literal["verified", "reported", "memory", "assumption"]
    tariff: Tariff | None = None
    orders: dict[str, Share] = Field(default_factory=dict)
    deferral: Deferral | None = None
    closing: Closing | None = None
    credit: dict[Size, Share] = Field(default_factory=dict)

    @field_validator("orders")
    @classmethod
    def _are_industries(cls, value: dict[str, float]) -> dict[str, float]:
        unknown = sorted(set(value) - set(industries()))
        if unknown:
            raise ValueError(f"no industry division (GB/T 4754, two digits): {', '.join(unknown)}")
        return value

    @model_validator(mode="after")
    def _closes_in_an_industry(self) -> Self:
        largest = self.closing.largest if self.closing else None
        if largest and largest.industry is not None and largest.industry not in industries():
            raise ValueError(f"no industry division (GB/T 4754, two digits): {largest.industry}")
        return self


@cache
def industries() -> dict[str, str]:
    """Code → name of every division of GB/T 4754."""
    with (SQL / "codes" / "industry.csv").open(encoding="utf-8", newline="") as source:
        return {row["code"]: row["name"] for row in csv.DictReader(source) if len(row["code"]) == 2}


def ready() -> tuple[Scenario, ...]:
    """Every scenario that comes with the system, in order of name; raises ``ContractError`` naming all faults."""
    found, faults = [], []
    for path in sorted(FOLDER.glob("*.yml")):
        try:
            found.append(read(path))
        except ContractError as error:
            faults.append(str(error))
    if faults:
        raise ContractError(faults)
    return tuple(found)


def find(name: str) -> Scenario:
    """The scenario of the file ``name`` (.yml), or the ready one of that name.

    Raises ``NotFoundError`` where there is none, ``ContractError`` naming all faults of the file.
    """
    if name.endswith((".yml", ".yaml")):
        if not Path(name).is_file():
            raise NotFoundError(f"no such file: {name}")
        return read(Path(name))
    path = FOLDER / f"{name}.yml"
    if Path(name).name != name or not path.is_file():
        known = ", ".join(sorted(found.stem for found in FOLDER.glob("*.yml")))
        raise NotFoundError(f"no scenario is called {name}; give a file (.yml) or one of: {known}")
    return read(path)


def read(path: Path) -> Scenario:
    """The scenario in ``path``, named as the file; raises ``ContractError`` naming all its faults."""
    try:
        body = yaml.safe_load(path.read_text(encoding="utf-8"))
        if not isinstance(body, dict):
            raise ContractError([f"{path.name}: a scenario is a list of names and values"])
        return Scenario.model_validate({**body, "name": path.stem})
    except yaml.YAMLError as error:
        raise ContractError([f"{path.name}: not YAML: {' '.join(str(error).split())}"]) from error
    except UnicodeDecodeError as error:
        raise ContractError([f"{path.name}: not UTF-8"]) from error
    except ValidationError as error:
        faults = [f"{path.name}: {'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        raise ContractError(faults) from error
