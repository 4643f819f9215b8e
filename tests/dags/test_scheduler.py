"""A real scheduler on PostgreSQL: nights in a row, a backfill beside a night, late data, a sign-off.

With LocalExecutor in CI, and once with CeleryExecutor, Redis and two workers as a proof.
"""

import socket
import sys
import time
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from airflow_runs import HASTE, by_command, editions, ended, log_of, simulated_home, tasks, trigger, unpause, wait_for

from deploy.native import Stack
from deploy.servers import ServerMissingError
from pipelines import STAGES, demo, nightly
from pipelines.ledger import Ledger
from pipelines.means import Means
from pipelines.settings import Home

pytestmark = pytest.mark.scheduler
NIGHTS = [date(2026, 10, day) for day in (21, 22, 23)]
PAST = [date(2026, 10, day) for day in (18, 19, 20)]
BESIDE, AFTER, SIGNED, WITHOUT = (date(2026, 10, day) for day in (24, 25, 26, 27))
INGEST, NIGHTLY, REPLAY = "wengang_ingest", "wengang_nightly", "wengang_replay"
LATE_FEED = "unemployment_claim"


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small generated city."""
    from conftest import NOW, SMALL

    out = tmp_path_factory.mktemp("city")
    demo.generate_city(Means(home=Home(out), now=NOW), out, SMALL)
    return out


@pytest.fixture(scope="module", params=["local", pytest.param("celery", marks=pytest.mark.proof)])
def executor(request: pytest.FixtureRequest) -> str:
    """Which executor runs the tasks."""
    return str(request.param)


@pytest.fixture(scope="module")
def home(executor: str, city: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The home that the stack serves."""
    return simulated_home(tmp_path_factory.mktemp("served") / "home", city)


@pytest.fixture(scope="module")
def metrics() -> Iterator[socket.socket]:
    """A listener for StatsD."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        listener.setblocking(False)
        yield listener


@pytest.fixture(scope="module")
def stack(
    executor: str, home: Home, metrics: socket.socket, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """Airflow as docker-compose.yml says, natively."""
    variables = {"WENGANG_HOME_DIR": str(home.root), "WENGANG_RETRY_SECONDS": "5"}
    variables |= {"WENGANG_STATSD_HOST": "127.0.0.1", "WENGANG_STATSD_PORT": str(metrics.getsockname()[1])}
    folder = tmp_path_factory.mktemp("stack")
    try:
        with Stack(folder, executor=executor, variables=variables, extra=HASTE) as running:
            unpause(running, INGEST, NIGHTLY)
            yield running
    except ServerMissingError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def expected(executor: str, city: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The same nights by command."""
    from conftest import NOW

    home = simulated_home(tmp_path_factory.mktemp("by_command") / "home", city)
    by_command(Means(home=home, now=NOW), city, [*NIGHTS, BESIDE])
    return home


def test_three_nights_in_a_row_are_those_of_the_command(stack: Stack, home: Home, expected: Home) -> None:
    for day in NIGHTS:
        known = len(Ledger(home.ledger).deliveries())
        landed = trigger(stack, INGEST, day)
        ended(stack, INGEST, [landed])
        refused = {d.feed for d in Ledger(home.ledger).deliveries()[known:] if d.status == "refused"}
        fetched = tasks(stack, INGEST, landed).values()
        assert {ti["rendered_map_index"] for ti in fetched if ti["state"] == "failed"} == refused
        assert {ti["state"] for ti in fetched} <= {"success", "skipped", "failed"}
        run = trigger(stack, NIGHTLY, day)
        assert ended(stack, NIGHTLY, [run]) == {run: "success"}, {
            name: log_of(stack, NIGHTLY, run, ti) for name, ti in tasks(stack, NIGHTLY, run).items()
        }
        assert [*tasks(stack, NIGHTLY, run)] == list(STAGES)
    assert editions(home, NIGHTS) == editions(expected, NIGHTS)
    assert len(editions(expected, NIGHTS)) >= 5 * len(NIGHTS)
    mails = sorted(mail.message_id for mail in Ledger(home.ledger).mails())
    told = [m for m in Ledger(expected.ledger).mails() if not m.edition_id.startswith(str(BESIDE))]
    assert mails == sorted(mail.message_id for mail in told)


def test_how_long_a_night_took_is_told_to_statsd(stack: Stack, metrics: socket.socket) -> None:
    run = trigger(stack, NIGHTLY, NIGHTS[-1], quiet=True)
    while True:
        try:
            metrics.recv(1 << 16)
        except BlockingIOError:
            break
    ended(stack, NIGHTLY, [run])
    told: set[str] = set()
    wait_for(lambda: _heard(metrics, told) and any("dagrun.duration.success" in name for name in told), timeout=60)
    assert all(name.startswith("wengang.") for name in told), told


def _heard(metrics: socket.socket, told: set[str]) -> bool:
    """Add the names of what was told since the last look."""
    try:
        while True:
            told.update(line.partition(":")[0] for line in metrics.recv(1 << 16).decode().splitlines())
    except BlockingIOError:
        return bool(told)


def test_a_feed_without_news_is_skipped_and_one_with_a_bad_file_fails_alone(stack: Stack, home: Home) -> None:
    folder = home.inbox / "customs_export"
    folder.mkdir(exist_ok=True)
    (folder / "错放.csv").write_bytes("甲,乙\n1,2\n".encode())
    run = trigger(stack, INGEST, NIGHTS[-1])
    assert ended(stack, INGEST, [run]) == {run: "failed"}
    states = sorted(ti["state"] for ti in tasks(stack, INGEST, run).values())
    assert states == ["failed", *["skipped"] * (len(states) - 1)]
    (failed,) = [ti for ti in tasks(stack, INGEST, run).values() if ti["state"] == "failed"]
    assert failed["rendered_map_index"] == "customs_export"
    assert failed["try_number"] == 1, "a refused file is not tried again"
    assert "拒收 1 个文件" in log_of(stack, INGEST, run, failed)


def test_a_backfill_of_three_more_beside_a_night(stack: Stack, home: Home, expected: Home, city: Path) -> None:
    from conftest import NOW

    before = len(Ledger(home.ledger).mails())
    landed = trigger(stack, INGEST, BESIDE)
    ended(stack, INGEST, [landed])
    stack.airflow(
        *("backfill", "create", "--dag-id", NIGHTLY, "--max-active-runs", "1"),
        *("--from-date", PAST[0].isoformat(), "--to-date", NIGHTS[0].isoformat()),
    )
    run = trigger(stack, NIGHTLY, BESIDE)
    runs = stack.call("GET", f"/dags/{NIGHTLY}/dagRuns?limit=100&run_type=backfill")["dag_runs"]
    assert sorted(one["partition_key"] for one in runs) == [day.isoformat() for day in PAST]
    states = ended(stack, NIGHTLY, [run, *(one["dag_run_id"] for one in runs)])
    assert set(states.values()) == {"success"}
    by_command(Means(home=expected, now=NOW), city, PAST)
    assert editions(home, [*PAST, *NIGHTS, BESIDE]) == editions(expected, [*PAST, *NIGHTS, BESIDE])
    dates = {mail.edition_id[:10] for mail in Ledger(home.ledger).mails()[before:]}
    assert dates
    assert not dates & {str(day) for day in PAST}, "history is not mailed"
    scheduled = stack.call("GET", f"/dags/{NIGHTLY}/dagRuns?limit=100&run_type=scheduled")["dag_runs"]
    ended(stack, NIGHTLY, [one["dag_run_id"] for one in scheduled])


def test_a_feed_that_came_at_five_is_for_the_next_night_or_for_a_second_revision(
    stack: Stack, home: Home, city: Path, tmp_path: Path
) -> None:
    day, means = BESIDE, Means(home=home, now=datetime(2026, 11, 23, 9, 0))
    first = trigger(stack, NIGHTLY, day)
    assert ended(stack, NIGHTLY, [first]) == {first: "success"}
    late = tmp_path / "补报.csv"
    lines = next((city / "inbox" / LATE_FEED).glob("*.csv")).read_bytes().splitlines(keepends=True)
    late.write_bytes(b"".join(lines[: len(lines) // 2]))
    ((_, delivery),) = nightly.receive(means, [late], feed=LATE_FEED, at=datetime(2026, 10, 24, 5), dated=None)
    assert delivery is not None
    run = trigger(stack, REPLAY, None, as_of=day.isoformat())
    stack.call("PATCH", f"/dags/{REPLAY}", {"is_paused": False})
    assert ended(stack, REPLAY, [run]) == {run: "success"}
    assert "identical" in log_of(stack, REPLAY, run, tasks(stack, REPLAY, run)["replay"])

    later = trigger(stack, NIGHTLY, None, as_of=day.isoformat(), cutoff=f"{day}T06:00")
    following = AFTER
    after = trigger(stack, NIGHTLY, following)
    assert set(ended(stack, NIGHTLY, [later, after]).values()) == {"success"}
    assert [record.edition_id for record in Ledger(home.ledger).editions(as_of=day)] == [f"{day}-r1", f"{day}-r2"]
    seen = {
        name: delivery.batch in (home.editions / name / "edition.json").read_text(encoding="utf-8")
        for name in (f"{day}/r1", f"{day}/r2", f"{following}/r1")
    }
    assert seen == {f"{day}/r1": False, f"{day}/r2": True, f"{following}/r1": True}
    page = (home.editions / str(day) / "r2" / "briefing.html").read_text(encoding="utf-8")
    assert "第2版" in page


def test_a_worker_that_dies_is_missed_for_a_while_only(executor: str, stack: Stack, home: Home, city: Path) -> None:
    if executor == "local":
        pytest.skip("test_trouble kills the workers of LocalExecutor")
    day = WITHOUT
    run = trigger(stack, NIGHTLY, day)
    log = home.logs / f"{day}.jsonl"
    wait_for(lambda: log.is_file() and "▶ core" in log.read_text("utf-8"), pause=0.02)
    stack.kill("worker-writer")
    time.sleep(5)
    stack.start("worker-writer")
    assert ended(stack, NIGHTLY, [run]) == {run: "success"}
    assert max(ti["try_number"] for ti in tasks(stack, NIGHTLY, run).values()) > 1, "nothing was killed"
    assert [record.edition_id for record in Ledger(home.ledger).editions(as_of=day)] == [f"{day}-r1"]


def test_red_and_orange_wait_for_a_person(executor: str, home: Home, tmp_path: Path) -> None:
    """With the sign-off switched on, a refusal publishes nothing, and an approval is on record with who gave it."""
    if executor == "celery":
        pytest.skip("the executor plays no part in it")
    variables = {"WENGANG_HOME_DIR": str(home.root), "WENGANG_RETRY_SECONDS": "5", "WENGANG_SIGN_OFF": "1"}
    day, current = SIGNED, (home.published / "current.duckdb").resolve()
    with Stack(tmp_path / "signed", database="sqlite", variables=variables) as stack:
        unpause(stack, NIGHTLY)
        refused = _decided(stack, day, "Reject")
        assert (refused["publish"]["state"], refused["alert"]["state"]) == ("skipped", "skipped"), _told(stack, refused)
        assert (home.published / "current.duckdb").resolve() == current
        assert Ledger(home.ledger).editions(as_of=day) == []
        approved = _decided(stack, day, "Approve")
        assert approved["alert"]["state"] == "success", _told(stack, approved)
    assert [record.edition_id for record in Ledger(home.ledger).editions(as_of=day)] == [f"{day}-r1"]
    decisions = Ledger(home.ledger).entries("sign_off", subject=day.isoformat())
    assert [entry["decision"] for entry in decisions] == ["asked", "Reject", "asked", "Approve"]
    assert [entry["by"] for entry in decisions if "by" in entry] == ["admin", "admin"]
    assert all("橙 1 家" in entry["asked"] for entry in decisions)


def _told(stack: Stack, states: dict[str, dict[str, Any]]) -> str:
    """What the sign-off of a run said, for whom a failure is to be explained."""
    asked = states["sign_off"]
    return f"{asked}\n{log_of(stack, NIGHTLY, str(asked['dag_run_id']), asked)}\n{stack.tail('scheduler', 60)}"


def _decided(stack: Stack, day: date, decision: str) -> dict[str, dict[str, Any]]:
    """A night that a person decides on; gives its task instances."""
    run = trigger(stack, NIGHTLY, None, as_of=day.isoformat())
    path = f"/dags/{NIGHTLY}/dagRuns/{run}/taskInstances/sign_off/-1/hitlDetails"
    until = time.monotonic() + 300
    while tasks(stack, NIGHTLY, run)["sign_off"]["state"] != "awaiting_input":
        assert time.monotonic() < until, tasks(stack, NIGHTLY, run)
        time.sleep(2)
    time.sleep(10)  # a person reads before answering; in the second of the question Airflow loses the answer
    stack.call("PATCH", path, {"chosen_options": [decision], "params_input": {}})
    ended(stack, NIGHTLY, [run])
    return tasks(stack, NIGHTLY, run)
