"""The commands of the operator's watch: what a person should know of, and the page that shows it."""

import sys
from datetime import datetime

import click

from pipelines import status, watching
from pipelines.errors import SendingError
from pipelines.means import Means

TIME = click.DateTime(formats=["%H:%M"])
DUE = "06:30"


@click.command(name="watch")
@click.option("--due", type=TIME, default=DUE, show_default=True, help="When today's edition must be out.")
@click.pass_obj
def watch_command(means: Means, due: datetime) -> None:
    """Hand over waiting mails, look around, mail what is new to the operators; exit code 12 where mails wait."""
    faults = watching.watch(means, due=due.time())
    for fault in faults:
        click.echo(f"【{fault.word}】{fault.text}\n    {fault.english}")
    if not faults:
        click.echo("没有问题 (nothing to do)")
    if any(fault.key == "mails" for fault in faults):
        sys.exit(SendingError.exit_code)


@click.command(name="status")
@click.option("--due", type=TIME, default=DUE, show_default=True, help="When today's edition must be out.")
@click.pass_obj
def status_command(means: Means, due: datetime) -> None:
    """Write the operator's page and the tables of how the system ran, under status/ of the home."""
    page, tables = status.write(means, due=due.time())
    click.echo(f"运行状况（status）：{page}\n各步用时（tables）：{tables}")
