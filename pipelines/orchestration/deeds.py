"""What the tasks do that are no stage of the night: one function each, called with the means and the business date."""

import logging
from datetime import date, timedelta

from airflow.sdk.exceptions import AirflowSkipException

from pipelines import backup as backups
from pipelines import housekeeping, learning, lessons, orchestration, watching
from pipelines import replay as replaying
from pipelines import settings as settings_file
from pipelines import status as statuses
from pipelines.errors import ModelLifeError, ReplayDifferenceError
from pipelines.ledger import Ledger
from pipelines.means import Means

DRILL_EVERY = timedelta(days=30)
log = logging.getLogger("wengang")


def teach(means: Means, as_of: date) -> None:
    """Teach a challenger by the nights up to ``as_of``."""
    lesson = lessons.lesson(means, as_of=as_of)
    made = learning.teach(means, lesson)
    log.info("%s: %s", made.model_id, learning.figures_text(made.facts))


def promote(means: Means, as_of: date) -> None:
    """Put the last challenger in charge; by the rule alone, one that is not good enough is left."""
    taught = learning.latest(means)
    if taught is None:
        raise AirflowSkipException("没有待启用的模型")
    try:
        log.info(learning.promote(means, taught[0], reason=f"Airflow {as_of}: {orchestration.PROMOTION}"))
    except ModelLifeError as error:
        if orchestration.PROMOTION == "rule":
            raise AirflowSkipException(f"现用模型继续领先：{error}") from error
        raise


def tidy(means: Means, as_of: date) -> None:
    """Remove what is told elsewhere and old; says what."""
    del as_of
    housekeeping.tidy(means)


def backup(means: Means, as_of: date) -> None:
    """Back up into the folder of the settings; a home without one is told, once a day, by the colour of the task."""
    del as_of
    if not settings_file.load(means.home).backup.folder:
        raise AirflowSkipException("没有设置备份目录：请在 wengang.toml 的 [backup] 填写 folder，并挂载另一块磁盘")
    backups.backup(means, backups.folder_of(means))


def drill(means: Means, as_of: date) -> None:
    """Restore the newest backup into a temporary folder and replay its last edition, once in ``DRILL_EVERY``."""
    del as_of
    since = (means.now - DRILL_EVERY).isoformat()
    entries = Ledger(means.home.ledger).entries("drill")
    if any(entry["verdict"] == "identical" and entry["at"] > since for entry in entries):
        raise AirflowSkipException(f"近 {DRILL_EVERY.days} 天内已演练")
    log.info(backups.check(backups.drill(means, backups.folder_of(means))))


def watch(means: Means, as_of: date) -> None:
    """Hand over mails that wait, look around, tell the operators what is new; says what it saw."""
    del as_of
    for fault in watching.watch(means, due=orchestration.DUE):
        log.warning("【%s】%s", fault.word, fault.text)


def status(means: Means, as_of: date) -> None:
    """Write the operator's page and tables."""
    del as_of
    statuses.write(means, due=orchestration.DUE)


def replay(means: Means, as_of: date) -> None:
    """Rebuild the edition of ``as_of`` and compare; raises ``ReplayDifferenceError`` where it differs."""
    comparison = replaying.replay(means, as_of=as_of)
    words = replaying.check(comparison)
    if not comparison.equal:
        differing = ", ".join((*comparison.differing_files, *comparison.differing_tables))
        raise ReplayDifferenceError(f"{words}; differing: {differing}")
    log.info("%s: identical", words)
