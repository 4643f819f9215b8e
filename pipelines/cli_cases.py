"""Commands about cases that an officer adds by hand."""

from contextlib import closing

import click

from pipelines import own_cases
from pipelines.ledger import Ledger
from pipelines.means import Means
from pipelines.own_cases import OwnCase
from pipelines.warehouse import connect_published, lock


@click.group(name="case")
def case_group() -> None:
    """Cases that an officer puts on the list by hand."""


@case_group.command()
@click.argument("enterprise_id", metavar="USCC")
@click.option("--colour", type=click.Choice(["红", "橙", "黄", "蓝"]), required=True)
@click.option("--by", "role", required=True, help="Role or desk, never a person's name.")
@click.option("--reason", required=True, help="Printed in the list; no person's name, number or telephone.")
@click.pass_obj
def add(means: Means, enterprise_id: str, colour: str, role: str, reason: str) -> None:
    """List the enterprise USCC from the next edition on, until it is taken back."""
    with closing(connect_published(means.home.published / "current.duckdb")) as published:
        known = {code for (code,) in published.execute("SELECT enterprise_id FROM out.enterprise").fetchall()}
    case = OwnCase(enterprise_id, colour, role, reason, means.now)
    with lock(means.home.root / ".lock"), closing(Ledger(means.home.ledger)) as ledger:
        own_cases.add(case, known=known, ledger=ledger)
    click.echo("已登记，下一次运行时列入名单 (on record; the next run lists it)")


@case_group.command(name="list")
@click.pass_obj
def list_command(means: Means) -> None:
    """The cases on record."""
    with closing(Ledger(means.home.ledger)) as ledger:
        held = own_cases.on_record(ledger)
    for case in held:
        click.echo(f"{case.enterprise_id}  {case.colour}  {case.added_at:%Y-%m-%d}  {case.role}  {case.reason}")
    if not held:
        click.echo("没有人工列入的企业 (no cases on record)")


@case_group.command()
@click.argument("enterprise_id", metavar="USCC")
@click.option("--reason", required=True, help="Kept on record.")
@click.pass_obj
def retract(means: Means, enterprise_id: str, reason: str) -> None:
    """Take the case of USCC back; from the next edition on it stands by what triggers say."""
    with lock(means.home.root / ".lock"), closing(Ledger(means.home.ledger)) as ledger:
        own_cases.retract(enterprise_id, ledger=ledger, now=means.now, reason=reason)
    click.echo(f"taken back: {enterprise_id}")
