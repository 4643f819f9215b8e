"""The compose file keeps the rules of the house; pools, image, secrets and Airflow's own settings agree with it."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy import compose, credentials
from deploy.compose import FILE, ROOT
from pipelines.errors import SettingsError

TEXT = FILE.read_text(encoding="utf-8")
BODY: dict[str, Any] = compose.interpolated(yaml.safe_load(TEXT), {})
SERVICES: dict[str, dict[str, Any]] = BODY["services"]
LASTING = {name: told for name, told in SERVICES.items() if told["restart"] != "no"}
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
PLAIN = {"AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE", "AIRFLOW__API__BASE_URL"}
each_service = pytest.mark.parametrize("name", SERVICES)

ASK = """
import json, sys
from airflow.configuration import conf
from airflow.utils.providers_configuration_loader import providers_configuration_loaded
from pipelines.orchestration import READER, WRITER
names = json.loads(sys.argv[1])
@providers_configuration_loaded
def ask():
    known = {(s, k): o for s, told in conf.configuration_description.items() for k, o in told["options"].items()}
    unknown = []
    for name in names:
        section, _, key = name.removeprefix("AIRFLOW__").lower().partition("__")
        option = known.get((section, key.removesuffix("_cmd")))
        if option is None or (key.endswith("_cmd") and not option.get("sensitive")):
            unknown.append(name)
    return unknown
print(json.dumps({"unknown": ask(), "pools": [READER, WRITER], "writer": WRITER,
                  "statsd": conf.getboolean("metrics", "statsd_on"), "host": conf.get("metrics", "statsd_host"),
                  "conn": conf.get("database", "sql_alchemy_conn"), "executor": conf.get("core", "executor")}))
"""


@pytest.mark.parametrize("profile", [[], ["--profile", "celery"]])
def test_docker_understands_the_file(profile: list[str], tmp_path: Path) -> None:
    docker = shutil.which("docker")
    if not docker or subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("no Docker client with the compose plugin on this machine")
    credentials.make(tmp_path / "secrets", addresses=credentials.Addresses())
    done = subprocess.run(
        [docker, "compose", "--file", str(FILE), *profile, "config", "--quiet"],
        env=os.environ | {"WENGANG_SECRETS_DIR": str(tmp_path / "secrets")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


@each_service
def test_a_service_is_locked_in(name: str) -> None:
    told = SERVICES[name]
    assert told["read_only"] is True
    assert told["cap_drop"] == ["ALL"]
    assert told["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in told
    assert "network_mode" not in told
    user, group = told["user"].split(":")
    assert int(user) > 999
    assert int(group) > 999
    assert int(told["logging"]["options"]["max-file"]) > 0


@each_service
def test_a_service_has_limits(name: str) -> None:
    limits = SERVICES[name]["deploy"]["resources"]["limits"]
    assert float(limits["cpus"]) <= 2
    assert re.fullmatch(r"\d+[mg]", limits["memory"])
    assert 0 < limits["pids"] <= 400


@pytest.mark.parametrize("name", LASTING)
def test_a_lasting_service_is_watched_and_restarted(name: str) -> None:
    check = LASTING[name]["healthcheck"]
    assert LASTING[name]["restart"] == "unless-stopped"
    assert check["test"][0] in {"CMD", "CMD-SHELL"}
    assert compose.seconds(check["timeout"]) < compose.seconds(check["interval"])
    assert compose.seconds(check["start_period"]) > 0
    assert check["retries"] >= 3


def test_only_making_ready_ends_by_itself() -> None:
    assert set(SERVICES) - set(LASTING) == {"init"}
    waiting = {name for name, told in SERVICES.items() if "init" in (told.get("depends_on") or {})}
    assert waiting == {name for name, told in SERVICES.items() if told["command"][:1] == ["airflow"]} | {"api-server"}


@each_service
def test_no_secret_stands_in_the_file(name: str) -> None:
    environment = SERVICES[name].get("environment") or {}
    worded = {key for key in environment if re.search(r"PASSWORD|SECRET|_KEY|_URL|CONN|BACKEND", key)} - PLAIN
    by_file = {key for key in worded if key.endswith(("_CMD", "_FILE", "_SERVER_URL"))}
    assert worded == by_file
    told = {str(environment[key]).split("/run/secrets/")[-1] for key in worded if "/run/secrets/" in environment[key]}
    words = " ".join([*SERVICES[name]["command"], *(SERVICES[name].get("healthcheck") or {}).get("test", [])])
    told |= set(re.findall(r"/run/secrets/(\w+)", words))
    missing = told - set(SERVICES[name].get("secrets") or [])
    assert missing <= ({"smtp_password"} if name == "api-server" else set())


def test_every_secret_is_used_and_made(tmp_path: Path) -> None:
    used = {secret for told in SERVICES.values() for secret in told.get("secrets") or []}
    made = credentials.make(tmp_path / "secrets", addresses=credentials.Addresses())
    assert used == set(BODY["secrets"]) == set(made)
    for name, told in BODY["secrets"].items():
        assert told == {"file": f"./secrets/{name}"}


def test_the_users_of_the_page_have_passwords() -> None:
    users = SERVICES["api-server"]["environment"]["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS"]
    assert tuple(user.split(":")[0] for user in users.split(",")) == credentials.USERS


def test_nothing_is_open_to_the_network_unless_asked() -> None:
    assert {name: told["ports"] for name, told in SERVICES.items() if "ports" in told} == {
        "api-server": ["127.0.0.1:8080:8080"]
    }
    asked = compose.interpolated(yaml.safe_load(TEXT), {"WENGANG_UI_ADDRESS": "10.1.2.3"})
    assert asked["services"]["api-server"]["ports"] == ["10.1.2.3:8080:8080"]


def test_state_lies_in_named_volumes_unless_a_folder_is_said() -> None:
    sources = {volume.split(":")[0] for told in SERVICES.values() for volume in told.get("volumes") or []}
    assert sources == set(BODY["volumes"])
    asked = compose.load({"WENGANG_HOME_DIR": "/srv/city"})
    assert asked["scheduler"].volumes["/var/lib/wengang"] == "/srv/city"


def test_ports_are_distinct_so_that_they_can_move() -> None:
    ports = [port for told in SERVICES.values() for port in told.get("expose") or []]
    assert len(ports) == len(set(ports))


def test_writers_are_pinned_and_alone(asked: dict[str, Any]) -> None:
    command = SERVICES["worker-writer"]["command"]
    assert command[command.index("--queues") + 1] == asked["writer"]
    assert command[command.index("--concurrency") + 1] == "1"
    assert "replicas" not in SERVICES["worker-writer"]["deploy"]
    others = SERVICES["worker"]["command"]
    assert asked["writer"] not in others


def test_pools_are_those_of_the_tasks(asked: dict[str, Any]) -> None:
    pools = json.loads((ROOT / "deploy" / "pools.json").read_text(encoding="utf-8"))
    assert sorted(pools) == sorted(asked["pools"])
    assert pools[asked["writer"]]["slots"] == 1
    assert "airflow pools import deploy/pools.json" in " ".join(SERVICES["init"]["command"])


def test_airflow_knows_every_setting(asked: dict[str, Any]) -> None:
    assert asked["unknown"] == []
    assert asked["executor"] == "LocalExecutor"


def test_airflow_reads_a_secret_without_a_line_end(asked: dict[str, Any]) -> None:
    assert asked["conn"] == "sqlite:////nowhere/airflow.db"


def test_statsd_is_on_where_a_host_is_said(asked: dict[str, Any], tmp_path: Path) -> None:
    assert asked["statsd"] is False
    with_host = _ask(tmp_path, {"WENGANG_STATSD_HOST": "metrics", "WENGANG_EXECUTOR": "CeleryExecutor"})
    assert (with_host["statsd"], with_host["host"], with_host["executor"]) == (True, "metrics", "CeleryExecutor")


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What Airflow and our edge say under the scheduler's environment."""
    return _ask(tmp_path_factory.mktemp("airflow"), {})


def _ask(folder: Path, variables: dict[str, str]) -> dict[str, Any]:
    secret = folder / "database_url"
    secret.write_text("sqlite:////nowhere/airflow.db", encoding="utf-8")
    environment = dict(compose.load(variables)["scheduler"].environment)
    names = json.dumps([name for name in environment if name.startswith("AIRFLOW__")])
    environment |= {
        "AIRFLOW_HOME": str(folder),
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "PATH": os.environ["PATH"],
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(folder),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_CMD": f"cat {secret}",
    }
    environment = {key: value.replace("/run/secrets/", f"{folder}/") for key, value in environment.items()}
    for name in ("fernet_key", "jwt_secret", "api_secret_key", "broker_url", "result_backend"):
        (folder / name).write_text("x", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ASK, names],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(json.loads(done.stdout.splitlines()[-1]))


def test_the_image_is_not_root_and_takes_verified_packages_only() -> None:
    stages = DOCKERFILE.split("\nFROM ")
    assert len(stages) == 3
    users = re.findall(r"^USER (.+)$", DOCKERFILE, flags=re.M)
    assert users == ["${UID}:${GID}"]
    uid, gid = BODY["services"]["scheduler"]["user"].split(":")
    assert f"ARG UID={uid}\nARG GID={gid}\n" in stages[2]
    assert "--require-hashes" in stages[1]
    assert "pip" not in stages[2].split("COPY")[0].replace("pipefail", "")
    assert set(re.findall(r"^ARG (\w+)", DOCKERFILE, flags=re.M)) == {"PYTHON_IMAGE", "WHEELS", "UID", "GID"}


def test_the_builder_sees_what_it_needs_and_no_secret() -> None:
    ignored = (ROOT / "deploy" / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    assert ignored[1] == "*"
    let_in = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    packages = {"pyproject.toml", "README.md", "LICENSE", "requirements.lock", "pipelines", "models", "sql"}
    copied = set(re.findall(r"^COPY (?!--)(\S+)", DOCKERFILE, flags=re.M))
    assert let_in == packages | copied | {"wheels"}
    assert all((ROOT / name).exists() for name in packages | copied)


def test_what_the_services_call_is_in_the_image() -> None:
    words = [word for told in SERVICES.values() for word in (*told.get("entrypoint", []), *told["command"])]
    words += [word for told in LASTING.values() for word in told["healthcheck"]["test"]]
    files = {found for word in words for found in re.findall(r"deploy/[\w.]+", word)}
    modules = {f"{found.replace('.', '/')}.py" for word in words for found in re.findall(r"^deploy\.\w+$", word)}
    assert files == {"deploy/enter.sh", "deploy/pools.json"}
    assert modules == {"deploy/health.py"}
    assert all((ROOT / name).is_file() for name in files | modules)


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("${A:-word}", "a"),
        ("${NONE:-two words}", "two words"),
        ("${NONE:-}", ""),
        ("${EMPTY:-word}", "word"),
        ("${A:+word # }rest", "word # rest"),
        ("${NONE:+word # }rest", "rest"),
        ("$$(cat ${A:-x})", "$(cat a)"),
    ],
)
def test_variables_are_filled_in_as_compose_does(text: str, filled: str) -> None:
    assert compose.interpolated({"k": [text, 1]}, {"A": "a", "EMPTY": ""}) == {"k": [filled, 1]}


@pytest.mark.parametrize("text", ["$A", "${A}", "${A-x}", "${A:?gone}", "${A:-${B:-c}}", "end$"])
def test_other_forms_of_variables_are_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="are understood"):
        compose.interpolated(text, {"A": "a"})


def test_a_service_that_needs_one_of_no_profile_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "compose.yml"
    body = yaml.safe_load(TEXT)
    body["services"]["scheduler"]["depends_on"]["redis"]["required"] = True
    path.write_text(yaml.safe_dump(body), encoding="utf-8")
    assert set(compose.load({}, profiles=["celery"], path=path)) == set(SERVICES)
    with pytest.raises(SettingsError, match="scheduler needs redis"):
        compose.load({}, path=path)


def test_a_profile_adds_the_broker_and_its_workers() -> None:
    plain, celery = compose.load({}), compose.load({}, profiles=["celery"])
    assert set(celery) - set(plain) == {"redis", "worker-writer", "worker"}
    assert "redis" in celery["scheduler"].after
    assert "redis" not in plain["scheduler"].after
