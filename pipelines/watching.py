"""The hourly watch: hand over mails that wait, look at what a person should know of, tell the operators once a day.

It computes nothing of its own about data: how late a feed is and how far a model drifted is what the last edition
published. A night that is running is left alone, and a night that hangs does not keep the watch from telling.
"""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

import duckdb

from pipelines import formats, sources
from pipelines import settings as settings_file
from pipelines.errors import BusyError, PublishError, SendingError
from pipelines.ledger import Ledger
from pipelines.means import Means
from pipelines.settings import Home, Settings
from pipelines.stages import alert
from pipelines.stages.alert import operators
from pipelines.stages.alert.delivery import WATCH
from pipelines.stages.alert.operators import SEVERITIES, Fault
from pipelines.warehouse import connect_published, lock

__all__ = ["Fault", "late_edition", "look", "published_rows", "watch"]

GIBIBYTE = 1 << 30
PATIENCE = timedelta(minutes=30)
"""How long a mail may wait while a night is at work, before it counts as waiting."""
LABELS_SHOWN = 3
BEHIND = """
    SELECT feed, feed_label, owner, is_required, source_state, months_behind, latest_month
    FROM out.source_status WHERE source_state <> '正常' ORDER BY feed
"""
DRIFTED = "SELECT feature_label FROM out.drift WHERE is_drifted ORDER BY stability_index DESC, feature_name"
MODEL_REFUSED = "SELECT model_warning FROM out.model WHERE model_warning IS NOT NULL"
UNSIGNED: Mapping[str, tuple[str, str]] = {
    "asked": (
        "{today} 的名单已形成，等待核发。请有权人员在调度页面 Required Actions 中批准或驳回",
        "The edition of {today} waits for its sign-off under Required Actions.",
    ),
    "Reject": (
        "{today} 的名单被驳回，没有发布，上一期继续有效。数据更正后以较晚的 cutoff 重新触发夜间作业",
        "The edition of {today} was refused at the sign-off; trigger the night again with a later cutoff.",
    ),
}
KEPT: Mapping[str, tuple[str, str]] = {"backup": ("备份", "wengang backup"), "drill": ("恢复演练", "wengang drill")}


@dataclass(frozen=True)
class _Sight:
    """What there is to look at: the means, the settings, the ledger, and when the edition is due."""

    means: Means
    settings: Settings
    ledger: Ledger
    due: time


def watch(means: Means, *, due: time) -> list[Fault]:
    """Hand over mails that wait, look, and mail what is new today to the operators; gives all faults, worst first.

    Editions' mails are handed over under the home's lock, and not at all while a night is running. What a server
    refuses is a fault here, not an error. Raises ``BusyError`` where another watch is at work.
    """
    settings = settings_file.load(means.home)
    with lock(means.home.root / ".watch.lock"):
        ledger = Ledger(means.home.ledger)
        is_refused = _hand_over(means, settings, ledger)
        faults = look(means, due=due)
        _record_new(ledger, faults, at=means.now)
        if _queue(settings, ledger, day=means.now.date()):
            is_refused |= _deliver(means, settings, ledger, of_watch=True)
        waiting = len(ledger.unsent())
        if is_refused and not any(fault.key == "mails" for fault in faults):
            faults = [_waiting_mails(waiting), *faults]
        tasks = sum(fault.severity != "note" for fault in faults)
        means.progress(f"巡查：{len(faults)} 项，其中需处理 {tasks} 项，待发邮件 {waiting} 封")
        return faults


def look(means: Means, *, due: time) -> list[Fault]:
    """Every fault of the home as it stands at ``means.now``, the worst first; changes nothing."""
    sight = _Sight(means, settings_file.load(means.home), Ledger(means.home.ledger), due)
    looks: tuple[Callable[[_Sight], Sequence[Fault]], ...] = (
        _edition,
        _mails,
        _disk,
        _published,
        _refused,
        _sources,
        _kept,
    )
    found = [fault for one in looks for fault in one(sight)]
    return sorted(found, key=lambda fault: list(SEVERITIES).index(fault.severity))


def late_edition(ledger: Ledger, *, now: datetime, due: time) -> Fault | None:
    """What is wrong with the edition of today at ``now``; None before ``due``, and where it came or its gate is closed.

    An edition came when it is on record, issued or held, and its mails were written; and went if it was taken back.
    """
    if now.time() < due:
        return None
    today, by = now.date(), f"{due:%H:%M}"
    decided = ledger.editions(as_of=today)
    told = [e for e in decided if _is_told(ledger, e.edition_id)]
    if told and all(e.status == "withdrawn" for e in told):
        return Fault(
            "edition",
            "urgent",
            f"{told[-1].edition_id} 已撤回，今天没有有效名单。原因排除后执行 wengang run --as-of {today}",
            f"{told[-1].edition_id} was taken back and nothing took its place; run the night of {today} again.",
        )
    if told:
        return None
    asked = [entry["decision"] for entry in ledger.entries("sign_off", subject=today.isoformat())]
    if asked and asked[-1] in UNSIGNED:
        return Fault("edition", "urgent", *(text.format(today=today) for text in UNSIGNED[asked[-1]]))
    stages = [entry["stage"] for entry in ledger.entries("receipt", subject=today.isoformat())]
    reached = f"最后完成的步骤是 {stages[-1]}" if stages else "没有任何一步完成"
    what, then = (
        (f"{decided[-1].edition_id} 已记录，但邮件没有写出", f"Edition {decided[-1].edition_id} is on record unmailed")
        if decided
        else (f"{today} 的名单到 {by} 仍未形成", f"No edition of {today} by {by}")
    )
    return Fault(
        "edition",
        "urgent",
        f"{what}，{reached}。请在调度页面查看失败的步骤和日志，排除后执行 wengang run --as-of {today}",
        f"{then}; last stage done: {stages[-1] if stages else 'none'}. Mend what failed, then run it again.",
    )


def _is_told(ledger: Ledger, edition_id: str) -> bool:
    """Whether the mails of an edition were written; one that was made quietly told nobody."""
    finished = ledger.entries("finished", subject=edition_id)
    return any(not entry.get("quiet") for entry in finished) or bool(ledger.mails(edition_id=edition_id))


def published_rows(home: Home, query: str) -> list[tuple[Any, ...]]:
    """Rows of the last published edition; none where nothing is published. Raises ``PublishError`` if it is broken."""
    current = home.published / "current.duckdb"
    if not current.exists():
        return []
    connection = connect_published(current)
    try:
        return connection.execute(query).fetchall()
    except duckdb.Error as error:
        raise PublishError(f"{current.resolve().name} cannot be read ({str(error).splitlines()[0]})") from error
    finally:
        connection.close()


def _hand_over(means: Means, settings: Settings, ledger: Ledger) -> bool:
    """Hand over what waits; gives whether the server refused any of it."""
    of_watch = [mail.edition_id.startswith(WATCH) for mail in ledger.unsent()]
    is_refused = any(of_watch) and _deliver(means, settings, ledger, of_watch=True)
    if not all(of_watch):
        try:
            with lock(means.home.root / ".lock"):
                is_refused |= _deliver(means, settings, ledger, of_watch=False)
        except BusyError:
            means.progress("夜间任务正在运行，待发邮件由它送出")
    return is_refused


def _deliver(means: Means, settings: Settings, ledger: Ledger, *, of_watch: bool) -> bool:
    """Hand over what waits of one kind; gives whether the server refused any, which is told."""
    try:
        sent, _ = alert.deliver(settings, ledger, means.home.outbox, now=means.now, of_watch=of_watch)
    except SendingError as error:
        means.progress(f"邮件未送出：{error}")
        return True
    if sent:
        means.progress(f"送出 {sent} 封邮件")
    return False


def _record_new(ledger: Ledger, faults: Sequence[Fault], *, at: datetime) -> None:
    """Put what today was not told yet on record as one entry, from which its mail follows."""
    day = at.date().isoformat()
    entries = ledger.entries("watch", subject=day)
    told = {fault["key"] for entry in entries for fault in entry["faults"]}
    fresh = [asdict(fault) for fault in faults if fault.severity != "note" and fault.key not in told]
    if fresh:
        ledger.append("watch", subject=day, at=at, body={"number": len(entries) + 1, "faults": fresh})


def _queue(settings: Settings, ledger: Ledger, *, day: date) -> int:
    """Queue the mails of today's entries that have none: an entry is told even if the watch died right after it."""
    queued = 0
    for entry in ledger.entries("watch", subject=day.isoformat()):
        number, at = operators.watch_id(day, entry["number"]), datetime.fromisoformat(entry["at"])
        faults = [Fault(**fault) for fault in entry["faults"]]
        queued += operators.queue(settings, ledger, number=number, faults=faults, at=at)
    return queued


def _edition(sight: _Sight) -> list[Fault]:
    late = late_edition(sight.ledger, now=sight.means.now, due=sight.due)
    return [late] if late else []


def _mails(sight: _Sight) -> list[Fault]:
    """Mails that wait: those of a night still at work have a little patience, none after the edition is due."""
    now = sight.means.now
    written = {entry["message_id"]: datetime.fromisoformat(entry["at"]) for entry in sight.ledger.entries("mail")}
    waiting = sight.ledger.unsent()
    if all(now - written[mail.message_id] < PATIENCE for mail in waiting) and now.time() < sight.due:
        return []
    return [_waiting_mails(len(waiting))] if waiting else []


def _waiting_mails(count: int) -> Fault:
    return Fault(
        "mails",
        "urgent",
        f"{count} 封邮件写好而未送出。请检查邮件服务器和 wengang.toml 的 [mail]；巡查每小时自动再送，不会重复发送",
        f"{count} mails wait: check the mail server and [mail]; every watch tries again.",
    )


def _disk(sight: _Sight) -> list[Fault]:
    free, least = shutil.disk_usage(sight.means.home.root).free, sight.settings.watch.disk_gibibytes
    if free >= least * GIBIBYTE:
        return []
    text = f"数据所在磁盘只剩 {free / GIBIBYTE:.1f} GiB（应不少于 {least} GiB）。请清理或扩容，并执行 wengang housekeep"
    return [Fault("disk", "urgent", text, f"{free / GIBIBYTE:.1f} GiB free, {least} wanted: make room.")]


def _published(sight: _Sight) -> list[Fault]:
    """What the last edition knew of its feeds and its model."""
    home = sight.means.home
    try:
        behind, drifted = published_rows(home, BEHIND), published_rows(home, DRIFTED)
        refused = published_rows(home, MODEL_REFUSED)
    except PublishError as error:
        text = "分析库 published/current.duckdb 无法读取。请重新运行最近一晚：wengang run --as-of 日期"
        return [Fault("published", "urgent", text, str(error))]
    return [*(_behind(row) for row in behind), *_drift([label for (label,) in drifted]), *_model(refused)]


def _behind(row: tuple[Any, ...]) -> Fault:
    feed, label, owner, is_required, state, months, latest = row
    if state == "缺失":
        text = f"{label}从未收到{'，没有它不能发布名单' if is_required else ''}。请联系{owner}报送"
        return Fault(f"feed:{feed}", "warn" if is_required else "note", text, f"{feed} never came.")
    text = f"{label}滞后 {months} 个月，最新为 {formats.month(latest)}。请联系{owner}报送"
    return Fault(f"feed:{feed}", "warn", text, f"{feed} is {months} months behind, latest {latest:%Y-%m}.")


def _drift(labels: Sequence[str]) -> list[Fault]:
    if not labels:
        return []
    named = "、".join(labels[:LABELS_SHOWN]) + ("等" if len(labels) > LABELS_SHOWN else "")
    text = f"评分模型的输入有 {len(labels)} 项偏离训练期（{named}）。请核对数据口径，必要时重新训练：wengang train"
    return [Fault("drift", "warn", text, f"{len(labels)} inputs of the model drifted; check them, or train again.")]


def _model(refused: Sequence[tuple[str]]) -> list[Fault]:
    told = "请按运维手册恢复 models 文件夹，或用 wengang promote 启用另一个模型"
    return [
        Fault("model", "warn", f"{warning.rstrip('。')}。{told}", "The promoted model could not be used; restore it.")
        for (warning,) in refused
    ]


def _refused(sight: _Sight) -> list[Fault]:
    """Files refused today or yesterday; a further one of the feed is news."""
    since = datetime.combine(sight.means.now.date() - timedelta(days=1), time.min)
    feeds = sight.means.contracts().feeds
    by_feed: dict[str, list[int]] = {}
    for delivery in sight.ledger.deliveries():
        if delivery.status == "refused" and delivery.received_at >= since:
            by_feed.setdefault(delivery.feed, []).append(delivery.delivery_no)
    faults = []
    for name, numbers in sorted(by_feed.items()):
        feed = feeds.get(name)
        label, owner = (feed.label, feed.owner) if feed else ("未识别的数据", "报送部门")
        text = f"{label}有 {len(numbers)} 个文件昨天以来被拒收。原因见 wengang doctor，请{owner}更正后重新报送"
        english = f"{len(numbers)} files of {name or 'no known feed'} refused since yesterday; see 'wengang doctor'."
        faults.append(Fault(f"refused:{name}:{numbers[-1]}", "warn", text, english))
    return faults


def _sources(sight: _Sight) -> list[Fault]:
    """Sources whose last fetch did not work; what can pass by itself is told all the same, once a day."""
    faults = []
    for name, settings in sorted(sight.settings.sources.items()):
        for feed in sorted(settings.feeds):
            channel = f"{name}/{feed}"
            standing = sources.standing(sight.ledger, channel)
            if not standing.fault:
                continue
            since = f"{standing.succeeded_at:%m-%d %H:%M}" if standing.succeeded_at else "从未成功"
            todo = "被拒绝，请核对账号、主机公钥和 [sources] 设置" if standing.is_final else "连不上或中断，系统会再试"
            text = f"数据源 {channel} 取数失败：{todo}（上次成功 {since}）。原因见 wengang sources"
            english = "refuses us: check its settings" if standing.is_final else "is down; it is tried again"
            faults.append(Fault(f"source:{channel}", "warn", text, f"Source {channel} {english}."))
    return faults


def _kept(sight: _Sight) -> list[Fault]:
    """How old the last backup and the last restore drill are; what was never set up is a hint, no fault."""
    allowed = {"backup": sight.settings.watch.backup_days, "drill": sight.settings.watch.drill_days}
    faults = []
    for kind, (word, command) in KEPT.items():
        entries = sight.ledger.entries(kind)
        if not entries:
            told = "已设置备份目录，但" if sight.settings.backup.folder else ""
            text = f"{told}从未做过{word}。请按运维手册设置定时任务，或执行 {command}"
            severity: operators.Severity = "warn" if told else "note"
            faults.append(Fault(kind, severity, text, f"No {kind} on record; set one up: {command}."))
            continue
        faults += _outcome(entries[-1])
        age = sight.means.now - datetime.fromisoformat(entries[-1]["at"])
        if age > timedelta(days=allowed[kind]):
            text = f"上次{word}已过 {age.days} 天（限 {allowed[kind]} 天）。请查看定时任务为何失败，或执行 {command}"
            faults.append(Fault(kind, "warn", text, f"The last {kind} is {age.days} days old: {command}."))
    return faults


def _outcome(entry: Mapping[str, Any]) -> list[Fault]:
    """What the last backup or drill found and a person should know."""
    if missing := entry.get("missing"):
        text = f"上次备份时工作目录缺少 {len(missing)} 个台账记有的文件。请从更早的备份取回，再执行 wengang backup"
        return [Fault("backup:missing", "warn", text, f"{len(missing)} files on record were missing when backed up.")]
    if entry.get("verdict") == "different":
        text = "上次恢复演练重放的期次与原件不一致。请保留全部备份，查明原因后再次执行 wengang drill"
        return [Fault("drill:different", "urgent", text, "The last drill differed: keep every snapshot, find out why.")]
    if entry.get("verdict") == "not comparable":
        text = "上次恢复演练恢复完整，但程序或参数已更新，重放无从比较。请在下一晚备份后再次执行 wengang drill"
        return [Fault("drill:incomparable", "note", text, "The last drill restored whole but compared nothing.")]
    return []
