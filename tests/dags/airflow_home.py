"""Airflow in a folder of its own: it reads its settings on import, so it never is in the process of a test."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DAGS = ROOT / "dags"


def run_python(code: str, *arguments: str, airflow: Path, **extra: str) -> str:
    """Standard output of ``code`` run by a Python whose Airflow lives in ``airflow``; fails with both its outputs."""
    settings = {
        "AIRFLOW_HOME": str(airflow),
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
        "AIRFLOW__CORE__UNIT_TEST_MODE": "false",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{airflow / 'airflow.db'}",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(airflow / "logs"),
    }
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("AIRFLOW", "WENGANG"))}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, *arguments],
        env=environment | settings | extra,
        cwd=airflow,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout
