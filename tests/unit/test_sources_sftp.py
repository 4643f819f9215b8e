"""Files from an SFTP server: a real OpenSSH with internal-sftp on this host."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import pytest
from source_home import FEED, Site, power_file
from source_servers import PASSWORD, Sshd, sshd

from pipelines import arrivals
from pipelines.errors import SourceDownError, SourceRefusedError
from pipelines.means import Means
from pipelines.sources import sftp as sftp_source
from pipelines.warehouse import lock

MakeHome = Callable[..., Means]
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with sshd(tmp_path_factory.mktemp("sshd")) as server:
        yield server


@pytest.fixture
def server(served: Sshd) -> Sshd:
    for path in served.folder.iterdir():
        path.unlink()
    return served


@pytest.fixture
def site(make_home: MakeHome, server: Sshd, monkeypatch: pytest.MonkeyPatch) -> Site:
    made = Site(make_home())
    made.settle(settings(server))
    monkeypatch.setenv("WENGANG_SOURCE_GRID_KEY", server.private_key)
    return made


def settings(server: Sshd, *, host_key: str = "", extra: str = "", wanted: str = 'pattern = "*"') -> str:
    return (
        f'kind = "sftp"\nhost = "127.0.0.1"\nport = {server.port}\nuser = "{server.user}"\n'
        f'host_key = "{host_key or server.host_key}"\nsettle_seconds = 0.05\n{extra}\n'
        f"[sources.grid.feeds.{FEED}]\n{wanted}\n"
    )


def put(server: Sshd, name: str | bytes, content: bytes, *, modified: int = 1_790_000_000) -> Path:
    path = Path(os.fsdecode(os.fsencode(server.folder) + b"/" + (name if isinstance(name, bytes) else name.encode())))
    path.write_bytes(content)
    os.utime(path, (modified, modified))
    return path


def test_a_new_file_is_landed_once_and_a_changed_one_again(site: Site, server: Sshd) -> None:
    put(server, "用电明细2026-09.csv", power_file([1, 2]))
    (first,) = site.brings()
    assert (first.file_name, first.rows_landed) == ("grid-用电明细2026-09.csv", 2)
    assert site.brings() == []
    put(server, "用电明细2026-09.csv", power_file([1, 2, 3]))
    assert site.brings()[0].rows_landed == 3
    assert site.leftovers() == []
    assert [position["path"] for position in site.standing.positions] == ["./用电明细2026-09.csv"] * 2


def test_names_of_gb18030_and_of_no_encoding_are_read(site: Site, server: Sshd) -> None:
    put(server, "九月用电.csv".encode("gb18030"), power_file([1]), modified=1_790_000_000)
    put(server, b"odd\xff.csv", power_file([2]), modified=1_790_000_001)
    put(server, "九月用电.csv", power_file([3]), modified=1_790_000_002)
    assert [d.file_name for d in site.brings()] == ["grid-九月用电.csv", "grid-odd%FF.csv", "grid-九月用电.csv"]
    assert site.accounts() == [1, 2, 3]
    assert site.brings() == []


def test_a_folder_may_have_a_name_of_gb18030(site: Site, server: Sshd) -> None:
    folder = Path(os.fsdecode(os.fsencode(server.folder) + b"/" + "用电".encode("gb18030")))
    folder.mkdir()
    (folder / "a.csv").write_bytes(power_file([1]))
    try:
        site.settle(settings(server, extra='encoding = "gb18030"', wanted='path = "用电"'))
        assert site.accounts(site.brings()[0]) == [1]
        assert site.standing.positions[0]["path"] == "gb18030:用电/a.csv"
    finally:
        shutil.rmtree(folder)


def test_a_zipped_file_lands_as_the_file_in_it(site: Site, server: Sshd) -> None:
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("用电.csv", power_file([1, 2]))
    put(server, "用电.zip", packed.getvalue())
    assert site.brings()[0].rows_landed == 2


def test_only_files_that_fit_and_are_finished_are_taken(site: Site, server: Sshd) -> None:
    site.settle(settings(server, wanted='path = "."\npattern = "用电*.csv"'))
    for number, name in enumerate(("用电1.csv", "用电2.csv.part", ".用电3.csv", "用水.csv", "用电4.CSV.tmp")):
        put(server, name, power_file([number]))
    assert [d.file_name for d in site.brings()] == ["grid-用电1.csv"]


def test_a_file_that_is_no_file_of_the_feed_is_refused_and_not_fetched_again(site: Site, server: Sshd) -> None:
    put(server, "misplaced.csv", "姓名,电话\n某人,1\n".encode())
    (refused,) = site.brings()
    assert refused.status == "refused"
    assert site.brings() == []
    assert len(site.deliveries()) == 1


def test_a_file_that_grows_is_left_for_the_next_time(site: Site, server: Sshd, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put(server, "growing.csv", power_file([1]))

    def grow(_seconds: float) -> None:
        with path.open("ab") as handle:
            handle.write(b"\n")

    with monkeypatch.context() as between:
        between.setattr(sftp_source, "time", SimpleNamespace(sleep=grow))
        assert site.brings() == []
    assert site.deliveries() == []
    assert len(site.brings()) == 1


def test_a_file_that_changes_while_it_is_read_is_left(
    site: Site, server: Sshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(server, "changing.csv", power_file([1]))
    copy = sftp_source._Folder._copy

    def changing(folder: object, look: object, sink: object) -> None:
        copy(folder, look, sink)  # type: ignore[arg-type]
        path.write_bytes(power_file([1, 2]))

    monkeypatch.setattr(sftp_source._Folder, "_copy", changing)
    assert site.brings() == []
    assert site.leftovers() == []
    monkeypatch.undo()
    monkeypatch.setenv("WENGANG_SOURCE_GRID_KEY", server.private_key)
    assert site.brings()[0].rows_landed == 2


def test_another_host_key_is_refused_before_a_login_is_sent(site: Site, server: Sshd) -> None:
    put(server, "a.csv", power_file([1]))
    site.settle(settings(server, host_key=server.other_host_key))
    outcome = site.fetch()
    assert isinstance(outcome.fault, SourceRefusedError)
    assert "host key" in str(outcome.fault)
    assert "SHA256:" in str(outcome.fault)
    assert site.deliveries() == []


def test_a_host_key_of_another_kind_is_refused(site: Site, server: Sshd) -> None:
    rsa = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQC7Zk0zOTJzVnN0b3JlX2l0X2luX2FfdGVzdF9vbmx5X25vdF9hX3JlYWxfa2V5X2F0"
    site.settle(settings(server, host_key=rsa))
    assert isinstance(site.fetch().fault, SourceRefusedError)


def test_a_refused_login_is_final_and_shows_no_secret(
    site: Site, server: Sshd, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("WENGANG_SOURCE_GRID_KEY")
    assert "WENGANG_SOURCE_GRID_PASSWORD or WENGANG_SOURCE_GRID_KEY" in site.fails()
    monkeypatch.setenv("WENGANG_SOURCE_GRID_PASSWORD", PASSWORD)
    caplog.set_level(0)
    outcome = site.fetch()
    assert isinstance(outcome.fault, SourceRefusedError)
    assert site.standing.is_final
    assert "refuses the login" in str(outcome.fault)
    assert PASSWORD not in str(outcome.fault) + caplog.text + repr(site.ledger.entries("source"))
    monkeypatch.setenv("WENGANG_SOURCE_GRID_KEY", "no key at all")
    assert "is no private key of OpenSSH" in site.fails()


def test_a_missing_folder_is_final_and_a_closed_port_passes(site: Site, server: Sshd) -> None:
    site.settle(settings(server, wanted='path = "nowhere"'))
    outcome = site.fetch()
    assert isinstance(outcome.fault, SourceRefusedError)
    assert "nowhere" in str(outcome.fault)
    closed = settings(server, extra="attempts = 2").replace(f"port = {server.port}", "port = 1")
    site.settle(closed)
    outcome = site.fetch()
    assert isinstance(outcome.fault, SourceDownError)
    assert not site.standing.is_final


def test_a_server_that_accepts_and_stays_silent_is_left(site: Site, server: Sshd) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        said = settings(server, extra="attempts = 1\ntimeout_seconds = 0.3")
        site.settle(said.replace(f"port = {server.port}", f"port = {silent.getsockname()[1]}"))
        assert isinstance(site.fetch().fault, SourceDownError)


def test_a_file_over_the_limit_is_refused_and_the_others_land(site: Site, server: Sshd) -> None:
    put(server, "large.csv", power_file(range(1, 200)), modified=1_790_000_000)
    put(server, "small.csv", power_file([1]), modified=1_790_000_009)
    (server.folder / "linked.csv").symlink_to(server.folder / "small.csv")
    (server.folder / "nothing.csv").symlink_to(server.folder / "gone.csv")
    site.settle(settings(server, extra="maximum_bytes = 2000"))
    outcome = site.fetch()
    assert [d.file_name for d in outcome.deliveries] == ["grid-linked.csv"], "the same content is one delivery"
    assert len(site.standing.positions) == 2
    assert isinstance(outcome.fault, SourceRefusedError)
    assert site.leftovers() == []


CRASH = """
import os, signal, sys
from datetime import datetime
from pathlib import Path
from pipelines import arrivals
from pipelines.means import Means
from pipelines.settings import Home
from pipelines.sources import fetching, sftp

def kill(*args, **said):
    os.kill(os.getpid(), signal.SIGKILL)

def half(folder, look, sink):
    sink.handle.write(b"half")
    sink.handle.flush()
    kill()

owner, name = {
    "half": (sftp._Folder, "_copy"),
    "waiting": (fetching.Path, "rename"),
    "in the inbox": (arrivals.ingest, "receive_all"),
    "landed": (fetching.positions, "has_landed"),
}[sys.argv[3]]
setattr(owner, name, half if sys.argv[3] == "half" else kill)
arrivals.fetch_sources(Means(home=Home(Path(sys.argv[1])), now=datetime.fromisoformat(sys.argv[2])))
"""


@pytest.mark.parametrize("point", ["half", "waiting", "in the inbox", "landed"])
def test_a_kill_at_any_point_fetches_again_and_lands_once(site: Site, server: Sshd, point: str) -> None:
    """Killed while it reads, before the file appears in the inbox, before it lands, and before it is on record."""
    put(server, "a.csv", power_file([1]))
    home, now = str(site.means.home.root), site.means.now.isoformat()
    killed = subprocess.run([sys.executable, "-c", CRASH, home, now, point], cwd=ROOT, capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    assert site.standing.positions == ()
    if point == "landed":
        # What came by hand meanwhile stays the latest word: the content on record is not told again.
        (site.means.home.inbox / FEED / "by-hand.csv").write_bytes(power_file([2]))
        arrivals.take_inbox(site.means)
    assert len(site.brings()) == (0 if point == "landed" else 1)
    assert site.accounts() == ([1, 2] if point == "landed" else [1])
    assert len(site.standing.positions) == 1
    assert site.brings() == []
    assert site.leftovers() == []


def test_a_file_that_the_night_took_first_is_on_record_too(
    site: Site, server: Sshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While another process writes the home the file waits in the inbox; the position follows once it landed."""
    put(server, "a.csv", power_file([1]))
    with lock(site.means.home.root / ".lock"):
        assert "another wengang process" in site.fails()
    assert site.leftovers() == ["grid-a.csv"]
    arrivals.take_inbox(site.means)
    assert site.brings() == []
    assert len(site.deliveries()) == 1
    assert len(site.standing.positions) == 1


def test_all_is_fetched_again_where_a_person_asks_for_it(site: Site, server: Sshd) -> None:
    put(server, "a.csv", power_file([1]))
    assert len(site.brings()) == 1
    outcome = site.fetch(is_anew=True)
    assert (outcome.fault, outcome.deliveries) == (None, ())
    assert len(site.standing.positions) == 1
