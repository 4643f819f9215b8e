"""Commands about names that departments give without a code: what was decided, and decisions that come back."""

import sys
from contextlib import closing
from pathlib import Path

import click

from pipelines import identity
from pipelines.ledger import Ledger
from pipelines.means import Means
from pipelines.warehouse import connect_published, lock

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group(name="identity")
def identity_group() -> None:
    """Names without a code: officers' decisions, from the workbook 名称认定表.xlsx of an edition."""


@identity_group.command()
@click.argument("file", type=FILE)
@click.option("--by", "role", required=True, help="Role or desk that decided, never a person's name.")
@click.pass_obj
def decide(means: Means, file: Path, role: str) -> None:
    """Put the decisions in FILE on record; rows that cannot be one are named (exit code 5), the others count."""
    with closing(connect_published(means.home.published / "current.duckdb")) as published:
        known = {code for (code,) in published.execute("SELECT enterprise_id FROM out.enterprise").fetchall()}
    with lock(means.home.root / ".lock"):
        done = identity.decide(file, role=role, known=known, ledger=Ledger(means.home.ledger), now=means.now)
    click.echo(
        f"认定{done.came}条，与已登记相同{done.unchanged}条，未填{done.undecided}条，不能采用{len(done.refused)}条；"
        "下一次运行时生效 (the next run applies them)"
    )
    for message in done.refused:
        click.echo(message, err=True)
    if done.refused:
        sys.exit(5)


@identity_group.command(name="list")
@click.pass_obj
def list_command(means: Means) -> None:
    """The decisions on record."""
    held = identity.on_record(Ledger(means.home.ledger))
    for name, one in held.items():
        click.echo(
            f"{name}  →  {one.enterprise_id or identity.NONE}  {one.decided_at:%Y-%m-%d}  {one.role}  {one.reason}"
        )
    if not held:
        click.echo("没有登记的名称认定 (no decisions on record)")


@identity_group.command()
@click.argument("name_key", metavar="名称线索")
@click.option("--reason", required=True, help="Kept on record.")
@click.pass_obj
def retract(means: Means, name_key: str, reason: str) -> None:
    """Take a decision back; the name is weighed again from the next run on."""
    with lock(means.home.root / ".lock"):
        identity.retract(name_key, ledger=Ledger(means.home.ledger), now=means.now, reason=reason)
    click.echo(f"taken back: {name_key}")
