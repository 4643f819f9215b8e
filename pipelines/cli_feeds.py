"""Commands about feeds: check a file before it is sent, draft a contract from a sample. Neither needs a home."""

import re
import sys
from pathlib import Path

import click

from pipelines import feed_checking, feed_drafting
from pipelines.errors import DeliveryError, RowsHeldError, UsageError
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


@feed_group.command(name="new")
@click.argument("sample", type=FILE)
@click.option("--name", default="new_feed", show_default=True, help="Name of the feed: letters, digits, underscores.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder for <name>.yml; else it is printed.")
@click.pass_obj
def new_command(means: Means, sample: Path, name: str, out: Path | None) -> None:
    """Draft a contract from SAMPLE; columns that look personal are left out with a note."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise UsageError(f"{name} is no name of a feed: use lower-case letters, digits and underscores")
    made = feed_drafting.draft(sample.read_bytes(), name, on=means.now.date())
    if out is None:
        click.echo(made.text, nl=False)
        return
    target = out / f"{name}.yml"
    if target.exists():
        raise UsageError(f"{target} is there already; choose another --name or folder")
    out.mkdir(parents=True, exist_ok=True)
    target.write_text(made.text, encoding="utf-8")
    click.echo(f"{target}: 草稿已写好，请逐项核对后使用")
