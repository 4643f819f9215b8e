"""Every number that someone could dispute: dated, with unit, source and standing. Code asks for the value of a day.

A parameter without a value for the day asked is an error, never a default. Values are plain YAML beside this file.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipelines.errors import ContractError

FOLDER = Path(__file__).resolve().parent


class DatedValue(BaseModel):
    """One value and the days for which it holds: from ``since`` up to but without ``until``."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    since: date
    until: date | None = None
    value: Any

    def holds(self, day: date) -> bool:
        """Whether the value is in force on ``day``."""
        return self.since <= day and (self.until is None or day < self.until)


class Parameter(BaseModel):
    """A contestable number with its Chinese label, unit, reference and standing."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str
    label: str
    unit: str
    reference: str
    standing: Literal["verified", "assumption", "memory"]
    values: tuple[DatedValue, ...] = Field(min_length=1)


@dataclass(frozen=True)
class Parameters:
    """All parameters as they stand on one day."""

    as_of: date
    known: Mapping[str, Parameter]

    def __getitem__(self, name: str) -> Any:
        """The value of ``name`` on ``as_of``; raises ``ContractError`` where none is in force."""
        parameter = self.known.get(name)
        if parameter is None:
            raise ContractError([f"parameter {name} does not exist; see pipelines/parameters"])
        for dated in parameter.values:
            if dated.holds(self.as_of):
                return dated.value
        raise ContractError([f"parameter {name} has no value in force on {self.as_of}"])

    def holds(self, name: str) -> bool:
        """Whether ``name`` has a value in force on ``as_of``."""
        return any(dated.holds(self.as_of) for dated in self.known[name].values)

    def in_force(self) -> dict[str, Any]:
        """Name → value of every parameter in force on ``as_of``."""
        return {name: self[name] for name in sorted(self.known) if self.holds(name)}

    @property
    def digest(self) -> str:
        """Hash of the values in force, part of an edition's identity."""
        text = json.dumps(self.in_force(), ensure_ascii=False, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def load(as_of: date) -> Parameters:
    """Every parameter, read once, as of ``as_of``; raises ``ContractError`` naming all faulty entries."""
    return Parameters(as_of=as_of, known=_read())


@cache
def _read() -> Mapping[str, Parameter]:
    known: dict[str, Parameter] = {}
    faults: list[str] = []
    for path in sorted(FOLDER.glob("*.yml")):
        for name, body in (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).items():
            if name in known:
                faults.append(f"{path.name}: parameter {name} is written twice")
            try:
                known[name] = Parameter(name=name, **body)
            except (ValidationError, TypeError) as error:
                faults.append(f"{path.name}: parameter {name}: {error}")
    if faults:
        raise ContractError(faults)
    return known
