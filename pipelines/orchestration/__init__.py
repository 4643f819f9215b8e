"""The Airflow edge: the only module of ours that knows Airflow.

Tasks pass nothing: data meet in the home, a run is known by its business date. That date is the partition key of the
cron timetable, in a schedule as in a backfill; a manual run says it as the parameter ``as_of``. What an error means is
said once, by ``RETRIES``: some pass by themselves, the others wait for a person. Heavy imports happen inside tasks.
"""

import logging
import os
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from airflow.sdk import (
    DAG,
    Asset,
    CronPartitionTimetable,
    ExceptionRetryPolicy,
    Param,
    RetryAction,
    RetryRule,
    get_current_context,
    task,
)
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from pipelines import STAGES, errors

if TYPE_CHECKING:
    from pipelines.means import Means

ZONE = ZoneInfo("Asia/Shanghai")
CUTOFF, DUE = time(2, 0), time(6, 30)
WRITER, READER = "wengang_writer", "wengang_reader"
"""The pools: one slot for whoever writes the home, two for whoever reads it."""
QUEUES = {WRITER: "wengang_writer", READER: "default"}
"""The queues of Celery: a writer's host takes one task at a time, so what only reads goes elsewhere."""
FEEDS = Path(os.environ.get("WENGANG_FEEDS") or Path(__file__).resolve().parents[2] / "sql" / "feeds")
PAUSE = timedelta(seconds=int(os.environ.get("WENGANG_RETRY_SECONDS", "300")))
SIGN_OFF = os.environ.get("WENGANG_SIGN_OFF", "") == "1"
PROMOTION = os.environ.get("WENGANG_PROMOTION", "person")
SEVERAL_TRIES = 12
"""An hour of them: a disk that fills, a command that holds the home, a mail server that is down (two hours)."""
ASSETS = {
    name: Asset(name=f"wengang_{name}", uri=f"wengang://home/{name}") for name in ("landing", "edition", "published")
}
WORDS: Mapping[str, str] = {
    "ingest": "接收数据",
    "core": "整合底账",
    "gate": "质量关",
    "features": "计算指标",
    "risk": "评估风险",
    "edition": "生成名单",
    "outlook": "研判形势",
    "report": "制作材料",
    "publish": "发布",
    "alert": "发送邮件",
}
READS: Mapping[str, str] = {"ingest": "landing", "report": "edition", "publish": "edition", "alert": "published"}
WRITES: Mapping[str, str] = {"ingest": "landing", "edition": "edition", "publish": "published"}
FINAL = (
    errors.UsageError,
    errors.PurposeError,
    errors.SettingsError,
    errors.ContractError,
    errors.DeliveryError,
    errors.GateClosedError,
    errors.StageOrderError,
    errors.NotFoundError,
    errors.ReplayDifferenceError,
    errors.NotComparableError,
    errors.ModelLifeError,
    errors.BackupError,
    errors.SourceRefusedError,
)
RETRIES = ExceptionRetryPolicy(
    rules=[
        RetryRule(list(FINAL), RetryAction.FAIL, reason="需人工处理：见日志中的说明 (a person is needed: see the log)"),
        RetryRule(errors.BusyError, reason="另一进程正在写入，稍后再试"),
        RetryRule(errors.SourceDownError, reason="数据源暂时连不上，稍后从中断处继续，不会重复接收"),
        RetryRule(errors.SendingError, retry_delay=2 * PAUSE, reason="邮件服务器未接收，稍后再试，不会重复发送"),
    ]
)
AS_OF = Param(None, type=["null", "string"], format="date", description="业务日期（仅手动触发时填写） business date")
LATER = Param(
    None,
    type=["null", "string"],
    pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}$",
    description="数据截止时刻 cutoff YYYY-MM-DDTHH:MM, else 02:00",
)
QUIET = Param(default=False, type="boolean", description="补做往期，不发邮件 history, no mail")
log = logging.getLogger("wengang")


def house(
    dag_id: str, doc: str | None, *, cron: str | None, tier: int, params: Mapping[str, Param] | None = None
) -> DAG:
    """A DAG by the rules of the house: the clock of Shanghai, one run at a time, no catching up, owner, retries.

    Its name in the pages begins with the first word of ``doc``. The partition key is the business date, with the hour
    behind it where there are several runs a day.
    """
    key_format = "%Y-%m-%dT%H" if cron and cron.split()[1] == "*" else "%Y-%m-%d"
    schedule = CronPartitionTimetable(cron, timezone=str(ZONE), key_format=key_format) if cron else None
    return DAG(
        dag_id=dag_id,
        dag_display_name=f"{(doc or '').split()[0]} {dag_id}",
        schedule=schedule,
        catchup=False,
        max_active_runs=1,
        default_args={
            "owner": "wengang",
            "retries": SEVERAL_TRIES,
            "retry_delay": PAUSE,
            "retry_policy": RETRIES,
            "execution_timeout": timedelta(hours=2),
            "weight_rule": "absolute",
        },
        params={"as_of": AS_OF, **(params or {})},
        tags=["wengang", f"tier-{tier}"],
        doc_md=doc,
    )


def business_date(context: Any) -> date:
    """The date the run speaks for: partition key, else the ``as_of`` parameter; raises where both are missing."""
    key = getattr(context["dag_run"], "partition_key", None) or (context.get("params") or {}).get("as_of")
    if not key:
        raise AirflowFailException(
            "no business date: trigger with a partition key, or with the parameter as_of=YYYY-MM-DD"
        )
    return date.fromisoformat(str(key)[:10])


def business_cutoff(context: Any) -> datetime:
    """What the run may know: the ``cutoff`` parameter of a manual run, else what had come by 02:00 of its date."""
    asked = (context.get("params") or {}).get("cutoff")
    return datetime.fromisoformat(asked) if asked else datetime.combine(business_date(context), CUTOFF)


def is_quiet(context: Any) -> bool:
    """Whether the run makes up for the past: a backfill, or a manual run that says so."""
    kind = getattr(context["dag_run"], "run_type", "")
    return getattr(kind, "value", str(kind)) == "backfill" or bool((context.get("params") or {}).get("quiet"))


def stage(name: str) -> Any:
    """The task that runs one stage of the night; a started night goes before one that has not begun."""

    def run_stage() -> None:
        from pipelines import logs, nightly  # noqa: PLC0415  heavy: not while DAG files are parsed
        from pipelines.orchestration import questions  # noqa: PLC0415

        context = get_current_context()
        as_of, cutoff = business_date(context), business_cutoff(context)
        with logs.recorded(means_of(context), as_of=as_of, clock=_now) as means:
            leave = questions.approved(means, as_of) if SIGN_OFF and name == "publish" else None
            nightly.step(means, name=name, as_of=as_of, cutoff=cutoff, is_recovering=True, approved=leave)

    return _task(
        name,
        run_stage,
        words=f"{STAGES.index(name) + 1} {WORDS[name]} {name}",
        priority_weight=10 + STAGES.index(name),
        inlets=[ASSETS[READS[name]]] if name in READS else [],
        outlets=[ASSETS[WRITES[name]]] if name in WRITES else [],
    )()


def feed_names() -> list[str]:
    """The feeds that contracts describe, by the names of their files."""
    return sorted(path.stem for path in FEEDS.glob("[!_]*.yml"))


def fetch_each_feed() -> Any:
    """One task a feed: fetch from its sources and land what has come of it; nothing new skips.

    A refused file, or a source that is down, fails that feed alone, after all the others of the feed were asked.
    """

    def fetch_feed(feed: str) -> None:
        from pipelines import arrivals  # noqa: PLC0415

        context = get_current_context()
        means = means_of(context)
        outcomes = arrivals.fetch_sources(means, feed=feed)
        came = [delivery for outcome in outcomes for delivery in outcome.deliveries]
        came += arrivals.fetch(means, feed=feed, until=min(means.now, business_cutoff(context)))
        refused = [delivery for delivery in came if delivery.status == "refused"]
        if refused:
            batches = ", ".join(delivery.batch for delivery in refused)
            why = "原因见 wengang doctor，请通知报送单位"
            raise AirflowFailException(f"拒收 {len(refused)} 个文件（{batches}）：{why}")
        faults = sorted((o for o in outcomes if o.fault), key=lambda outcome: outcome.is_final)
        if faults and faults[0].fault:
            raise faults[0].fault
        if not came:
            raise AirflowSkipException(f"{feed}：没有新文件")
        log.info("%s：接收 %d 个文件", feed, len(came))

    made = _task("fetch", fetch_feed, words="接收 fetch", map_index_template="{{ task.op_kwargs['feed'] }}")
    return made.expand(feed=feed_names())


def deed(name: str, *, words: str, pool: str = WRITER, **options: Any) -> Any:
    """A task that does one thing to the home on a business date: the function ``name`` of ``deeds``."""

    def run_deed() -> None:
        from pipelines.orchestration import deeds  # noqa: PLC0415

        context = get_current_context()
        getattr(deeds, name)(means_of(context), business_date(context))

    return _task(name, run_deed, words=f"{words} {name}", pool=pool, **options)()


def approval(name: str, *, question: str, words: str) -> Any:
    """A task that waits for a person's yes to ``question``, a function of ``questions``.

    It asks again where an answer was lost (Airflow fails a task that is answered in the second in which it asked), and
    not where nobody answered.
    """
    from pipelines.orchestration.approvals import UNANSWERED, Approval  # noqa: PLC0415  only where it is switched on

    return Approval(
        task_id=name,
        task_display_name=f"{words} {name}",
        question=question,
        record=name,
        pool=READER,
        queue=QUEUES[READER],
        do_xcom_push=False,
        retries=2,
        retry_policy=UNANSWERED,
    )


def _task(task_id: str, call: Callable[..., None], *, words: str, pool: str = WRITER, **options: Any) -> Any:
    made = task(task_id=task_id, task_display_name=words, pool=pool, queue=QUEUES[pool], do_xcom_push=False, **options)
    return made(call)


def means_of(context: Any) -> "Means":
    """Home, feeds and time of this host; the clock is read here and nowhere below. What is told names no file."""
    from pipelines import logs  # noqa: PLC0415
    from pipelines.means import Means  # noqa: PLC0415
    from pipelines.settings import Home  # noqa: PLC0415

    home = Home(Path(os.environ.get("WENGANG_HOME", "var")).resolve())
    feeds = os.environ.get("WENGANG_FEEDS")
    return Means(
        home=home,
        now=_now(),
        feeds=Path(feeds) if feeds else None,
        is_quiet=is_quiet(context),
        progress=lambda text: log.info(logs.plain(text)),
        connections=_connection,
    )


def _connection(name: str) -> dict[str, str]:
    """The login that Airflow keeps as the connection ``name``, wherever it keeps its connections."""
    from airflow.sdk import BaseHook  # noqa: PLC0415  heavy
    from airflow.sdk.exceptions import AirflowNotFoundException  # noqa: PLC0415

    from pipelines.sources.logins import parts_of  # noqa: PLC0415

    try:
        found = BaseHook.get_connection(name)
    except AirflowNotFoundException:
        told = (
            f"Airflow has no connection {name}: make it under Admin → Connections, or set AIRFLOW_CONN_{name.upper()}"
        )
        raise errors.SourceRefusedError(told) from None
    return parts_of(found.login, found.password, found.extra_dejson)


def _now() -> datetime:
    return datetime.now(tz=ZONE).replace(tzinfo=None, microsecond=0)
