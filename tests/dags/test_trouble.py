"""What goes wrong at two in the morning: after recovery the night is complete, the edition the same, no mail doubled.

Every trouble has a business date of its own in one home; the same dates run by command beside. Airflow waits seconds
here where it waits minutes in service (``WENGANG_RETRY_SECONDS``, heartbeats): twelve tries are two hours there.
"""

import email
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from datetime import time as hour
from pathlib import Path

import psutil
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from airflow_runs import HASTE, cutoff_of, editions, ended, log_of, tasks, trigger, unpause, wait_for

from deploy.native import Stack
from deploy.servers import ServerMissingError
from pipelines import STAGES, demo, nightly, watching
from pipelines.ledger import Ledger
from pipelines.means import Means
from pipelines.settings import Home

pytestmark = pytest.mark.proof
NIGHTLY = "wengang_nightly"
FIRST = date(2026, 10, 20)
TROUBLES = [*(f"killed in {name}" for name in STAGES), "scheduler", "database", "mail", "disk"]
DAYS = {name: FIRST + timedelta(days=place) for place, name in enumerate(TROUBLES)}
NOW = datetime(2026, 11, 23, 9, 0)
DUE = hour(6, 30)
ROOM = 400_000


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small generated city."""
    from conftest import SMALL

    out = tmp_path_factory.mktemp("city")
    demo.generate_city(Means(home=Home(out), now=NOW), out, SMALL)
    return out


def delivered(root: Path, city: Path) -> Home:
    """A home with all deliveries known by the last night."""
    home = Home(root)
    demo.make_home(home, city="模拟市", simulated=True)
    nightly.play(Means(home=home, now=NOW), schedule=city / "deliveries.csv", until=cutoff_of(DAYS["disk"]))
    return home


@pytest.fixture(scope="module")
def expected(city: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home in which the same nights run by command, one after the other and undisturbed."""
    return delivered(tmp_path_factory.mktemp("by_command") / "home", city)


@pytest.fixture(scope="module")
def stack(city: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Airflow on PostgreSQL with LocalExecutor, the home's mails going to the stack's mail catcher."""
    home = delivered(tmp_path_factory.mktemp("served") / "home", city)
    variables = {"WENGANG_HOME_DIR": str(home.root), "WENGANG_RETRY_SECONDS": "4"}
    made = Stack(tmp_path_factory.mktemp("stack"), variables=variables, extra=HASTE)
    text = home.settings_file.read_text(encoding="utf-8").replace(
        "[mail]\n", f'[mail]\nsmtp_host = "127.0.0.1"\nsmtp_port = {made.smtp_port}\nsmtp_security = "none"\n'
    )
    home.settings_file.write_text(text, encoding="utf-8")
    try:
        with made:
            unpause(made, NIGHTLY)
            yield made
    except ServerMissingError as error:
        pytest.skip(str(error))


@pytest.fixture
def home(stack: Stack) -> Home:
    """The home that the stack serves."""
    return Home(Path(stack.environment("scheduler")["WENGANG_HOME"]))


def has_begun(home: Home, day: date, stage: str) -> bool:
    """Whether the log of ``day`` says that ``stage`` has begun."""
    path = home.logs / f"{day.isoformat()}.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return any(json.loads(line)["text"] == f"▶ {stage}" for line in lines if line.endswith("}"))


def at_work(home: Home) -> psutil.Process | None:
    """The process of Airflow that has the working file of ``home`` open."""
    for process in psutil.process_iter(["cmdline"]):
        if (process.info["cmdline"] or [""])[0].startswith("airflow worker -- "):
            try:
                if any(Path(opened.path) == home.warehouse for opened in process.open_files()):
                    return process
            except psutil.Error:
                continue
    return None


def kill_worker(home: Home) -> bool:
    """Kill the process that is at work and the worker that watches it; false where none was at work."""
    process = at_work(home)
    if process is None:
        return False
    watcher = process.parent()
    for one in (process, watcher):
        if one is not None:
            os.kill(one.pid, signal.SIGKILL)
    return True


def is_as_if_nothing_had_been(home: Home, expected: Home, day: date) -> None:
    """The edition of ``day`` equals that of the command; each mail is there once, and was taken once."""
    nightly.run(Means(home=expected, now=NOW), as_of=day, cutoff=cutoff_of(day))
    own = editions(home, [day])
    assert own == editions(expected, [day])
    assert len(own) >= 5
    ledgers = Ledger(home.ledger), Ledger(expected.ledger)
    mails = [[m.message_id for m in one.mails() if m.edition_id == f"{day}-r1"] for one in ledgers]
    assert sorted(mails[0]) == sorted(mails[1])
    assert mails[0]
    assert [record.status for record in ledgers[0].editions(as_of=day)] == ["issued"]
    assert ledgers[0].unsent() == []


def doubled(stack: Stack, home: Home, day: date) -> set[str]:
    """Mails of ``day`` that the mail server took more than once."""
    found = Counter(str(email.message_from_bytes(path.read_bytes())["Message-ID"]) for path in stack.mails.glob("*"))
    own = {mail.message_id for mail in Ledger(home.ledger).mails() if mail.edition_id == f"{day}-r1"}
    assert own <= set(found), "a mail never came"
    return {message_id for message_id in own if found[message_id] > 1}


@pytest.mark.parametrize("stage", STAGES)
def test_a_worker_killed_in(stage: str, stack: Stack, home: Home, expected: Home) -> None:
    day = DAYS[f"killed in {stage}"]
    run = trigger(stack, NIGHTLY, day)
    wait_for(lambda: has_begun(home, day, stage), pause=0.002)
    wait_for(lambda: kill_worker(home), timeout=5, pause=0.001)
    assert ended(stack, NIGHTLY, [run]) == {run: "success"}
    assert max(ti["try_number"] for ti in tasks(stack, NIGHTLY, run).values()) > 1, "nothing was killed"
    is_as_if_nothing_had_been(home, expected, day)
    in_flight = 1 if stage == "alert" else 0  # taken by the server, not yet on record when the kill fell: sent again
    assert len(doubled(stack, home, day)) <= in_flight


def test_the_scheduler_killed_and_started_again(stack: Stack, home: Home, expected: Home) -> None:
    day = DAYS["scheduler"]
    run = trigger(stack, NIGHTLY, day)
    wait_for(lambda: has_begun(home, day, "features"), pause=0.05)
    stack.kill("scheduler")
    assert not stack.is_healthy("scheduler")
    time.sleep(5)
    stack.start("scheduler")
    assert ended(stack, NIGHTLY, [run]) == {run: "success"}
    is_as_if_nothing_had_been(home, expected, day)
    assert doubled(stack, home, day) == set()


def test_the_database_restarted(stack: Stack, home: Home, expected: Home) -> None:
    day = DAYS["database"]
    run = trigger(stack, NIGHTLY, day)
    wait_for(lambda: has_begun(home, day, "core"), pause=0.05)
    stack.restart("postgres")
    stack.wait_healthy(180, is_mending=True)
    assert ended(stack, NIGHTLY, [run], is_mending=True) == {run: "success"}
    is_as_if_nothing_had_been(home, expected, day)
    assert doubled(stack, home, day) == set()


def test_the_mail_server_down(stack: Stack, home: Home, expected: Home) -> None:
    day = DAYS["mail"]
    stack.kill("mail")
    run = trigger(stack, NIGHTLY, day)
    wait_for(lambda: tasks(stack, NIGHTLY, run).get("alert", {}).get("try_number", 0) >= 3)
    assert Ledger(home.ledger).editions(as_of=day)[-1].status == "issued", "the edition does not wait for the mail"
    waiting = len(Ledger(home.ledger).unsent())
    assert waiting > 0
    faults = watching.look(Means(home=home, now=datetime.combine(day, NOW.time())), due=DUE)
    assert any(fault.key == "mails" for fault in faults), "the operator is told"
    stack.start("mail")
    assert ended(stack, NIGHTLY, [run]) == {run: "success"}
    is_as_if_nothing_had_been(home, expected, day)
    assert doubled(stack, home, day) == set()


def test_the_disk_full_at_publish(stack: Stack, home: Home, expected: Home, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("a small disk can be mounted by root only")
    day, kept = DAYS["disk"], tmp_path / "published"
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", str(home.published)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("no file system can be mounted here")
    try:
        run = trigger(stack, NIGHTLY, day)
        wait_for(lambda: tasks(stack, NIGHTLY, run).get("publish", {}).get("try_number", 0) >= 2)
        assert Ledger(home.ledger).editions(as_of=day) == [], "what could not be published is not on record"
        late = watching.look(Means(home=home, now=datetime.combine(day, NOW.time())), due=DUE)
        assert any(fault.key == "edition" for fault in late), "the operator is told"
        subprocess.run(["mount", "-o", "remount,size=500m", str(home.published)], check=True)
        assert ended(stack, NIGHTLY, [run]) == {run: "success"}, log_of(
            stack, NIGHTLY, run, tasks(stack, NIGHTLY, run)["publish"]
        )
        assert tasks(stack, NIGHTLY, run)["publish"]["try_number"] > 1
        is_as_if_nothing_had_been(home, expected, day)
        assert (home.published / "current.duckdb").resolve().name == f"wengang-{day}-r1.duckdb"
        assert not kept.exists()
    finally:
        subprocess.run(["umount", "--lazy", str(home.published)], check=True)
    assert doubled(stack, home, day) == set()
