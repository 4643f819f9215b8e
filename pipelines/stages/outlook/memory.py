"""``outlook.json``: what the next edition's outlook must remember of this one. Keys sorted, no clock."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path

from pipelines.run import atomic_file
from pipelines.stages.outlook.levels import Standing, Stood
from pipelines.stages.outlook.together import Remembered

FILE = "outlook.json"


@dataclass(frozen=True)
class Memory:
    """Area → what it stands at, and the shock as last estimated."""

    standings: Mapping[str, Standing] = field(default_factory=dict)
    shock: Remembered | None = None


def recall(folder: Path | None) -> Memory:
    """What the edition of ``folder`` left; nothing where there is none, or where it had no outlook yet."""
    if folder is None or not (folder / FILE).is_file():
        return Memory()
    body = json.loads((folder / FILE).read_text(encoding="utf-8"))
    standings = {
        key: Standing(
            stood=_stood(row["stood"]),
            month=date.fromisoformat(row["month"]),
            given={month: (told[0], told[1]) for month, told in row["given"].items()},
            earlier=_stood(row["earlier"]) if row["earlier"] else None,
            said=tuple(_stood(one) for one in row.get("said", ())),
        )
        for key, row in body["standings"].items()
    }
    return Memory(standings, Remembered.of(body["shock"]) if body["shock"] else None)


def write(folder: Path, memory: Memory) -> None:
    """Write ``memory`` into ``folder``, whole or not at all."""
    body = {
        "standings": {key: asdict(memory.standings[key]) for key in sorted(memory.standings)},
        "shock": memory.shock.as_record() if memory.shock else None,
    }
    text = json.dumps(body, ensure_ascii=False, sort_keys=True, indent=1, default=date.isoformat)
    with atomic_file(folder / FILE) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def _stood(row: Mapping[str, str]) -> Stood:
    return Stood(row["level"], date.fromisoformat(row["since"]), date.fromisoformat(row["reached_on"]))
