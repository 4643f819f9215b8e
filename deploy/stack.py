"""The services of ``docker-compose.yml`` natively: ``python -m deploy.stack up|down|status|serve --work DIR``.

``up`` and ``down`` start and end them in the background. ``serve`` stays in front for a trial on one host (``make
airflow``): with ``--database sqlite`` it needs no server at all, and Ctrl-C ends everything it started.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType

from deploy.compose import ROOT
from deploy.native import Stack, StackError
from pipelines.errors import WengangError

__all__ = ["Stack", "StackError", "main"]
LOOK = 5.0


def main(arguments: Sequence[str]) -> int:
    """Do what is asked and say what runs where."""
    asked = _parser().parse_args(arguments)
    work = asked.work.resolve()
    try:
        if asked.deed in {"down", "status"}:
            stack = Stack.opened(work)
            if asked.deed == "down":
                stack.down()
            _say(_page(stack))
        else:
            stack = Stack(
                work, executor=asked.executor, database=asked.database, variables=_variables(), port=asked.port
            )
            _serve(stack) if asked.deed == "serve" else _say(_page(stack.up()))
    except WengangError as error:
        sys.stderr.write(f"stack: {error}\n")
        return error.exit_code
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.stack", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("deed", choices=["up", "down", "status", "serve"])
    parser.add_argument("--work", type=Path, required=True, help="folder of everything the services keep")
    parser.add_argument("--executor", choices=["local", "celery"], default="local")
    parser.add_argument("--database", choices=["postgres", "sqlite"], default="postgres")
    parser.add_argument("--port", type=int, default=0, help="of the web page (default: a free one)")
    return parser


def _variables() -> dict[str, str]:
    """The variables of the compose file that the caller has set; its home is the caller's ``WENGANG_HOME``."""
    said = {key: value for key, value in os.environ.items() if key.startswith("WENGANG_")}
    home = said.pop("WENGANG_HOME", "")
    return {"WENGANG_HOME_DIR": str(Path(home).resolve())} | said if home else said


def _serve(stack: Stack) -> None:
    """Run in front until Ctrl-C or SIGTERM; what ends by itself is started again, and told."""
    signal.signal(signal.SIGTERM, _interrupt)
    home = stack.environment("scheduler")["WENGANG_HOME"]
    new = [str(Path(sys.executable).parent / "wengang"), "--home", home, "init", "--city", "模拟市", "--simulated"]
    subprocess.run(new, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)  # noqa: S603
    _say(f"正在启动，约一分钟 starting, about a minute; logs: {stack.work / 'logs'}")
    try:
        with stack:
            _say(_welcome(stack, home))
            while True:
                time.sleep(LOOK)
                for name in stack.mend():
                    _say(
                        f"{name} 已退出，现已重新启动 had ended and was started again: {stack.work / 'logs' / name}.log"
                    )
    except KeyboardInterrupt:
        _say("已停止 stopped")


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _welcome(stack: Stack, home: str) -> str:
    return "\n".join(
        (
            f"网页 web page      {stack.url}",
            f"用户 user          admin；密码 password in {stack.work / 'secrets' / 'ui_passwords'}",
            f"数据目录 home      {home}",
            "首次使用 at first  在网页上打开各 DAG 的开关  switch the DAGs on, they start paused",
            "停止 stop          Ctrl-C",
        )
    )


def _page(stack: Stack) -> str:
    memory: Mapping[str, int] = stack.memory()
    lines = [f"{stack.url}"]
    for name, service in stack.services.items():
        if service.is_once:
            continue
        state = "healthy" if stack.is_healthy(name) else "unhealthy" if memory.get(name) else "down"
        lines.append(f"{name:14} {state:10} {memory.get(name, 0):6} MB")
    return "\n".join([*lines, f"{'all':14} {'':10} {sum(memory.values()):6} MB"])


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
