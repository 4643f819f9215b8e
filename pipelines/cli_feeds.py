"""Commands about feeds: check a file before it is sent, draft a contract from a sample. Neither needs a home."""

import sys
from pathlib import Path

import click

from pipelines import feed_checking
from pipelines.errors import DeliveryError, RowsHeldError
from pipelines.means import Means

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group(name="feed")
def feed_group() -> None:
    """Files and contracts of departments, before anything is sent; writes nothing into a home."""


@feed_group.command(name="check")
@click.argument("files", nargs=-1, type=FILE, required=True)
@click.option("--feed", help="Feed of the files; else the folder's name or the header tells.")
@click.option("--examples", type=click.IntRange(1, 1000), default=5, show_default=True, help="Lines told per fault.")
@click.pass_obj
def check_command(means: Means, files: tuple[Path, ...], feed: str | None, examples: int) -> None:
    """Tell what would become of FILES; exit code 5 where one would be refused, 20 where rows would be quarantined."""
    verdict = feed_checking.check(means, files, feed=feed, most=examples)
    click.echo(verdict.text)
    if verdict.refused:
        sys.exit(DeliveryError.exit_code)
    if verdict.held:
        sys.exit(RowsHeldError.exit_code)
