"""Commands about cases that an officer adds by hand, and about work orders that a desk records as done."""

from contextlib import closing
from datetime import datetime

import click

from pipelines import order_records, own_cases
from pipelines.ledger import Ledger
from pipelines.means import Means
from pipelines.order_records import DoneOrder
from pipelines.own_cases import OwnCase
from pipelines.warehouse import connect_published, lock

ISSUED = "SELECT order_no, issued_on FROM out.work_order UNION ALL SELECT order_no, issued_on FROM out.area_order"


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


@click.group(name="order")
def order_group() -> None:
    """Work orders that a desk records as done: reports, plans, services without a form."""


@order_group.command()
@click.argument("order_no", metavar="ORDER")
@click.option("--on", "done_on", type=click.DateTime(formats=["%Y-%m-%d"]), required=True)
@click.option("--by", "role", required=True, help="Role or desk, never a person's name.")
@click.pass_obj
def done(means: Means, order_no: str, done_on: datetime, role: str) -> None:
    """Record that ORDER, a number of the sheet 工单, was done on a day; the next edition says so."""
    with closing(connect_published(means.home.published / "current.duckdb")) as published:
        issued = dict(published.execute(ISSUED).fetchall())
    one = DoneOrder(order_no, done_on.date(), role, means.now)
    with lock(means.home.root / ".lock"), closing(Ledger(means.home.ledger)) as ledger:
        order_records.record(one, issued=issued, ledger=ledger)
    click.echo("已登记，下一期名单中显示 (on record; the next edition says so)")


@order_group.command(name="list")
@click.pass_obj
def list_orders(means: Means) -> None:
    """The orders recorded as done."""
    with closing(Ledger(means.home.ledger)) as ledger:
        held = order_records.on_record(ledger)
    for one in held:
        click.echo(f"{one.order_no}  {one.done_on}  {one.role}")
    if not held:
        click.echo("没有登记完成的工单 (no orders on record)")


@order_group.command(name="retract")
@click.argument("order_no", metavar="ORDER")
@click.option("--reason", required=True, help="Kept on record.")
@click.pass_obj
def retract_order(means: Means, order_no: str, reason: str) -> None:
    """Take the record of ORDER back; from the next edition on it is open again."""
    with lock(means.home.root / ".lock"), closing(Ledger(means.home.ledger)) as ledger:
        order_records.retract(order_no, ledger=ledger, now=means.now, reason=reason)
    click.echo(f"taken back: {order_no}")
