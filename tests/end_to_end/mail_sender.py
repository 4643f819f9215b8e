"""A process that hands mails over and is killed after a while: what the crash tests start again and again."""

import contextlib
import os
import signal
import threading
from datetime import datetime
from pathlib import Path

from pipelines.errors import SendingError
from pipelines.ledger import Ledger
from pipelines.settings import Settings
from pipelines.stages.alert.delivery import deliver


def send(root: str, site: dict[str, object], seconds: float) -> None:
    """Hand over what waits in the ledger of ``root``, and die after ``seconds`` wherever that may be."""
    timer = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGKILL))
    timer.daemon = True
    timer.start()
    with contextlib.suppress(SendingError):
        deliver(
            Settings.model_validate(site), Ledger(Path(root) / "ledger.sqlite"), Path(root), now=datetime(2026, 11, 12)
        )
