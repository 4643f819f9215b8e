"""The command that serves the page for look-ups in the published file, without SQL."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import click

from pipelines import lookup_server
from pipelines.lookup import Desk
from pipelines.means import Means

PORT = 8765


def made(clock: Callable[[], datetime]) -> click.Command:
    """The command, whose exports are on record at what ``clock`` says then."""

    @click.command(name="lookup")
    @click.option("--port", type=click.IntRange(1, 65535), default=PORT, show_default=True)
    @click.pass_obj
    def lookup_command(means: Means, port: int) -> None:
        """A read-only page on the published file: choose a table, filter, read; on this host only, Ctrl-C ends it."""
        desk = Desk(lambda: replace(means, now=clock()))
        lookup_server.serve(desk, port=port, tell=click.echo)

    return lookup_command
