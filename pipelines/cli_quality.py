"""Commands about the data themselves: corrections, what feeds may be used for, and what was handed out."""

import sys
from datetime import date, datetime
from pathlib import Path

import click

from pipelines import accounts, purpose
from pipelines import corrections as correcting
from pipelines import settings as settings_file
from pipelines.errors import ContractError, UsageError
from pipelines.ledger import Ledger
from pipelines.means import Means
from pipelines.warehouse import lock

FILES = click.Path(exists=True, dir_okay=False, path_type=Path)
DAY = click.DateTime(formats=["%Y-%m-%d"])


@click.group()
def corrections() -> None:
    """Known errors of sources as data: *.corrections.yml, put on record and applied from the next night on."""


@corrections.command()
@click.argument("files", nargs=-1, type=FILES)
@click.pass_obj
def load(means: Means, files: tuple[Path, ...]) -> None:
    """Put the corrections of FILES (else of the home's corrections/) on record; exit code 4 names every fault.

    What a file held when it was last loaded and no longer holds is taken back.
    """
    found = _files(means, files)
    with lock(means.home.root / ".lock"):
        ledger = Ledger(means.home.ledger)
        done = correcting.load(found, contracts=means.contracts(), ledger=ledger, now=means.now)
    click.echo(
        f"{len(done.came)} came or changed, {len(done.gone)} taken back, {done.unchanged} as before; "
        "the next run applies them"
    )


@corrections.command(name="check")
@click.argument("files", nargs=-1, type=FILES)
@click.pass_obj
def check_command(means: Means, files: tuple[Path, ...]) -> None:
    """Read FILES and name every fault (exit code 4); nothing goes on record."""
    found, faults = correcting.check(_files(means, files), contracts=means.contracts(), today=means.now.date())
    if faults:
        raise ContractError(faults)
    click.echo(f"{sum(map(len, found.values()))} corrections in {len(found)} files, no fault")


@corrections.command(name="list")
@click.pass_obj
def list_command(means: Means) -> None:
    """The corrections on record; which of them fit tonight's data is on the quality page of the edition."""
    held = correcting.on_record(Ledger(means.home.ledger))
    for one, (file, correction) in held.items():
        until = f"至{correction.expires_on}" if correction.expires_on else "无失效日期"
        where = correction.column or "整行"
        click.echo(f"{one}  {correction.feed}.{where}  {correction.known_on}起，{until}  {correction.reason}（{file}）")
    if not held:
        click.echo("没有登记的更正 (no corrections on record)")


@corrections.command()
@click.argument("one", metavar="ID")
@click.option("--reason", required=True, help="Kept on record.")
@click.pass_obj
def retract(means: Means, one: str, reason: str) -> None:
    """Take a correction back; it stays on record."""
    with lock(means.home.root / ".lock"):
        correcting.retract(one, ledger=Ledger(means.home.ledger), now=means.now, reason=reason)
    click.echo(f"taken back: {one}; the next run goes without it. Take it out of its file as well")


def _files(means: Means, files: tuple[Path, ...]) -> tuple[Path, ...]:
    found = files or tuple(sorted(means.home.corrections.glob(f"*{correcting.SUFFIX}")))
    if not found:
        raise UsageError(f"no file given, and none lies in {means.home.corrections} (*{correcting.SUFFIX})")
    return found


@click.command(name="exports")
@click.option("--since", type=DAY, help="Only from this date on.")
@click.option("--csv", "as_csv", is_flag=True, help="As CSV, with all fields.")
@click.pass_obj
def exports_command(means: Means, since: datetime | None, as_csv: bool) -> None:
    """What was handed out: by whom, what, to whom, how many rows, for which purpose; mails included."""
    handed = accounts.table(accounts.exports(Ledger(means.home.ledger), since=since))
    if as_csv:
        accounts.write_csv(handed, sys.stdout)
        return
    for row in handed:
        rows = "未计" if row["行数"] is None else f"{row['行数']}行"
        what = f"{row['内容']} → {row['提供给']}  {rows}  {row['用途']}"
        click.echo(f"{row['时间']:%Y-%m-%d %H:%M}  {row['经办']}  {what}  {row['期次']}")
    if not handed:
        click.echo("没有对外提供的记录 (nothing was handed out)")


@click.command(name="purposes")
@click.option("--on", type=DAY, help="As of this date; else today.")
@click.pass_obj
def purposes_command(means: Means, on: datetime | None) -> None:
    """What each feed was shared for: catalogue number, purpose, approved uses, last day, and how that stands."""
    day: date = on.date() if on else means.now.date()
    for name, own in sorted(purpose.approvals(means.contracts(), settings_file.load(means.home)).items()):
        until = own.until.isoformat() if own.until else purpose.UNKNOWN
        click.echo(
            f"{own.state(day)}  {name}（{own.label}，{own.owner}）  目录编号：{own.catalogue}  用途：{own.purpose}  "
            f"使用方式：{own.uses_text}  截止：{until}"
        )
