"""The units of the dead man's switch: systemd takes them, they ask at the right time, they may do little."""

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from pipelines.cli_watching import DUE, watch_command

UNITS = Path(__file__).resolve().parents[2] / "deploy" / "systemd"
COMMAND = "/usr/local/lib/wengang/current/bin/wengang"
SERVICES = ("wengang-watchdog.service", "wengang-watchdog-alarm.service")


@pytest.fixture
def analyze() -> str:
    """``systemd-analyze``; the test is skipped where it is missing."""
    found = shutil.which("systemd-analyze")
    if found is None:
        pytest.skip("systemd-analyze is not on this machine")
    return found


def settings(name: str) -> dict[str, str]:
    lines = (UNITS / name).read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


def test_systemd_takes_the_units(analyze: str, tmp_path: Path) -> None:
    for path in UNITS.glob("wengang-*.*"):
        text = path.read_text(encoding="utf-8").replace(COMMAND, "/bin/true")
        (tmp_path / path.name).write_text(text, encoding="utf-8")
    units = [str(tmp_path / name) for name in (*SERVICES, "wengang-watchdog.timer")]
    done = subprocess.run([analyze, "verify", *units], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_unit_with_a_fault_would_be_found(analyze: str, tmp_path: Path) -> None:
    text = (UNITS / SERVICES[0]).read_text(encoding="utf-8").replace(COMMAND, "/nowhere/wengang")
    (tmp_path / SERVICES[0]).write_text(text, encoding="utf-8")
    done = subprocess.run([analyze, "verify", str(tmp_path / SERVICES[0])], capture_output=True, check=False)
    assert done.returncode != 0


@pytest.mark.parametrize("name", SERVICES)
def test_the_services_may_do_little(analyze: str, name: str) -> None:
    limit = "--threshold=25"
    command = [analyze, "security", "--offline=yes", limit, str(UNITS / name)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert settings(name)["User"] == "wengang"


def test_it_is_asked_in_shanghai_after_the_edition_is_due() -> None:
    assert settings("wengang-watchdog.timer")["OnCalendar"] == "*-*-* 06:35:00 Asia/Shanghai"
    asked = shlex.split(settings(SERVICES[0])["ExecStart"])
    assert asked == [COMMAND, "-q", "doctor", "--edition-by", DUE]
    assert settings(SERVICES[0])["OnFailure"] == SERVICES[1]


def test_the_alarm_mails_and_speaks_on_the_console() -> None:
    commands = [
        shlex.split(line.split("=", 1)[1])
        for line in (UNITS / SERVICES[1]).read_text(encoding="utf-8").splitlines()
        if line.startswith("ExecStart=")
    ]
    assert commands[0][1].startswith("<0>")
    assert commands[1] == [COMMAND, watch_command.name, "--due", DUE]
    assert settings(SERVICES[1])["StandardOutput"] == "journal+console"


def test_cron_asks_the_same() -> None:
    (line,) = [
        line
        for line in (UNITS / "wengang-watchdog.cron").read_text(encoding="utf-8").splitlines()
        if line[:1].isdigit()
    ]
    assert line.startswith(f"35 6 * * * wengang {settings(SERVICES[0])['ExecStart']} ")
    assert f"{COMMAND} watch --due {DUE}; }}" in line
    done = subprocess.run(["sh", "-n", "-c", line.split("wengang ", 1)[1]], capture_output=True, check=False)
    assert done.returncode == 0
