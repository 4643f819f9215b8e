"""Housekeeping: what may go by the settings goes, and what has grown by use is made small again.

Entries of the ledger, editions and models are never touched; published files are trimmed by their stage. Batches go by
their retention alone, some days after they were put on record as due (``retention``). Of temporary names only those of
our own writers go, when they are so old that no writer can still be at work on them.
Temporary homes of killed replays lie in the system's temporary folder and are left to the system.

DuckDB gives freed blocks back to itself and never to the disk: a file of 62 MB of which 51 MB were dropped stayed at
62 MB through checkpoints (2.0, measured). So the working file is copied into a new one when enough of it lies free; of
150 thousand enterprises it has some 45 MB, and that is left alone.
"""

import re
import shutil
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import duckdb

from pipelines import retention
from pipelines import settings as settings_file
from pipelines.arrivals import ZONE
from pipelines.errors import WengangError
from pipelines.ledger import Ledger
from pipelines.means import Means
from pipelines.run import atomic_file
from pipelines.settings import Retention
from pipelines.warehouse import Warehouse, lock

LEFTOVER = re.compile(r"\..+\.[a-z0-9_]{8}(\.wal)?|\.writing-.+|core/.*/\.[a-z0-9_]{8}")
LEFTOVER_AGE = timedelta(days=1)
PLACES = (
    *("*", "landing/*/*", "core/*", "core/*/*", "core/*/*/*", "models/*", "editions/*/*/*", "editions/*/*/*/*"),
    *("published/*", "published/county/*", "outbox/*", "logs/*", "status/*"),
)
SPILLED = "warehouse.duckdb.tmp"
BLOCKS = "SELECT block_size, total_blocks, free_blocks FROM pragma_database_size()"
LEAST_FREE = 64 << 20


@dataclass(frozen=True)
class Deed:
    """One thing that was done: what, of how many, and how many bytes the disk has back."""

    name: str
    count: int
    freed: int

    def __str__(self) -> str:
        return f"{self.name}：{self.count} 项，释放 {self.freed} 字节"


def tidy(means: Means) -> list[Deed]:
    """Do all of it under the lock of the home and say what was done; raises ``BusyError`` where a night is running.

    Raises ``WengangError`` where the working file could not be copied; it is as it was.
    """
    keep = settings_file.load(means.home).retention
    deeds: tuple[Callable[[Means, Retention], Deed], ...] = (
        *(_logs, _mails, _leftovers, _noticed, _erased, _slabs),
        *(_warehouse, _ledger),
    )
    done = []
    with lock(means.home.root / ".lock"):
        for deed in deeds:
            done.append(deed(means, keep))
            means.progress(str(done[-1]))
    return done


def _logs(means: Means, keep: Retention) -> Deed:
    before = means.now - timedelta(days=keep.logs_days)
    return _removed("过期日志", (path for path in means.home.logs.glob("*.jsonl") if _written(path) < before))


def _mails(means: Means, keep: Retention) -> Deed:
    """Files of mails that were handed over as files long ago; the ledger keeps their text."""
    before = (means.now - timedelta(days=keep.mails_days)).isoformat()
    with closing(Ledger(means.home.ledger)) as ledger:
        sent = {str(entry["how"]): str(entry["at"]) for entry in ledger.entries("sent")}
    names = [how.removeprefix("file ") for how, at in sent.items() if how.startswith("file ") and at < before]
    return _removed("过期邮件副本", (path for name in names if (path := means.home.outbox / name).is_file()))


def _noticed(means: Means, _: Retention) -> Deed:
    """Put on record which batches are past their retention; they go with a later housekeeping."""
    with closing(Ledger(means.home.ledger)) as ledger:
        return Deed(
            "留存期满待删除批次（已登记）",
            retention.give_notice(retention.due(means, ledger), ledger, now=means.now),
            0,
        )


def _erased(means: Means, keep: Retention) -> Deed:
    """Delete the batches that were put on record long enough ago."""
    with closing(Ledger(means.home.ledger)) as ledger:
        gone = retention.erase(retention.due(means, ledger), ledger, now=means.now, notice_days=keep.notice_days)
    for one in gone:
        means.progress(f"已删除 {one}")
    return Deed("留存期满已删除批次", len(gone), sum(one.bytes for one in gone))


def _slabs(means: Means, _: Retention) -> Deed:
    """Months of facts of which no batch is left."""
    return _removed("不再有来源的月度分片", retention.forgotten_slabs(means.home))


def _leftovers(means: Means, _: Retention) -> Deed:
    """What killed writers left under temporary names, and what a killed night had spilled to the disk."""
    before, root = means.now - LEFTOVER_AGE, means.home.root
    found = [path for place in PLACES for path in root.glob(place) if _is_leftover(path, root)]
    found += (root / SPILLED).glob("*")
    return _removed("中断写入的残留", (path for path in found if _written(path) < before))


def _is_leftover(path: Path, root: Path) -> bool:
    """Whether ``path`` has a temporary name of one of our writers; a month slab has nothing but a dot before its."""
    return any(LEFTOVER.fullmatch(name) for name in (path.name, path.relative_to(root).as_posix()))


def _warehouse(means: Means, keep: Retention) -> Deed:
    """Copy the working file into a new one if enough of it lies free, and put that in its place."""
    name, path = "工作库整理", means.home.warehouse
    if not path.is_file():
        return Deed(name, 0, 0)
    size = path.stat().st_size
    warehouse = Warehouse(path, contracts=means.contracts(), threads=means.threads)
    try:
        warehouse.execute("CHECKPOINT")
        block, blocks, free = warehouse.rows(BLOCKS)[0]
        if free * block < LEAST_FREE or free < keep.free_share * blocks:
            return Deed(name, 0, size - path.stat().st_size)
        with atomic_file(path) as temporary:
            temporary.unlink()
            _copy(warehouse, temporary)
            warehouse.close()
    except duckdb.Error as error:
        raise WengangError(
            f"{path} could not be made smaller ({str(error).splitlines()[0]}) and is as it was; "
            "see to the space on its disk"
        ) from error
    finally:
        warehouse.close()
    return Deed(name, 1, size - path.stat().st_size)


def _copy(warehouse: Warehouse, target: Path) -> None:
    own, quoted = warehouse.scalar("SELECT current_database()"), str(target).replace("'", "''")
    warehouse.execute(f"ATTACH '{quoted}' AS smaller")
    warehouse.execute(f'COPY FROM DATABASE "{own}" TO smaller')
    warehouse.execute("DETACH smaller")


def _ledger(means: Means, _: Retention) -> Deed:
    """Move the ledger's log into its file; a reader that keeps it in use is waited for by the next housekeeping."""
    log = means.home.ledger.with_name(f"{means.home.ledger.name}-wal")
    with closing(Ledger(means.home.ledger)) as ledger:
        size = _size(log)
        moved = ledger.truncate_log()
    return Deed("账本日志归并", int(moved and size > 0), size - _size(log))


def _removed(name: str, paths: Iterable[Path]) -> Deed:
    count, freed = 0, 0
    for path in list(paths):
        freed += _size(path)
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
        count += 1
    return Deed(name, count, freed)


def _written(path: Path) -> datetime:
    """When ``path``, or what lies in it, was last written."""
    times = [inner.lstat().st_mtime for inner in (path, *path.rglob("*"))]
    return datetime.fromtimestamp(max(times), tz=ZONE).replace(tzinfo=None)


def _size(path: Path) -> int:
    """Bytes of ``path``, or of all files in it; 0 where there is none."""
    if path.is_dir() and not path.is_symlink():
        return sum(inner.lstat().st_size for inner in path.rglob("*") if not inner.is_dir())
    return path.lstat().st_size if path.exists() else 0
