"""Commands of the sources that are fetched from: fetch, sources. The command ``wengang`` adds them to its group."""

import sys

import click

from pipelines import arrivals, sources
from pipelines import settings as settings_file
from pipelines.errors import DeliveryError, WengangError
from pipelines.ledger import Ledger
from pipelines.means import Means
from pipelines.source_settings import Database, Http, Sftp
from pipelines.sources import Outcome, Standing


@click.command()
@click.option("--feed", help="Only this feed; else all.")
@click.option("--source", help="Only this source; else all.")
@click.option("--anew", "is_anew", is_flag=True, help="Forget how far they were read, and fetch all of it again.")
@click.pass_obj
def fetch(means: Means, feed: str | None, source: str | None, is_anew: bool) -> None:
    """Fetch what is new at the sources and land it; exit code 17 where one is down, 18 where one refuses."""
    outcomes = arrivals.fetch_sources(means, feed=feed, source=source, is_anew=is_anew)
    if not outcomes:
        click.echo("没有可取的数据源 (no source): 在 wengang.toml 的 [sources] 设置")
    for outcome in outcomes:
        click.echo(_told(outcome))
    faults = [outcome.fault for outcome in outcomes if outcome.fault]
    if faults:
        sys.exit(max(fault.exit_code for fault in faults))
    if any(delivery.status == "refused" for outcome in outcomes for delivery in outcome.deliveries):
        sys.exit(DeliveryError.exit_code)


@click.command(name="sources")
@click.pass_obj
def list_sources(means: Means) -> None:
    """Every source and feed: its kind, how far it was read, when it last was well, and what is wrong."""
    named = settings_file.load(means.home).sources
    ledger = Ledger(means.home.ledger)
    if not named:
        click.echo("没有数据源 (no source): 在 wengang.toml 的 [sources] 设置")
    for name, settings in sorted(named.items()):
        fault = _login_fault(means, name, settings)
        for feed in sorted(settings.feeds):
            standing = sources.standing(ledger, f"{name}/{feed}")
            click.echo(f"{name}/{feed} {settings.kind} {_place(settings)}\n    {_progress(standing)}")
            for told in (standing.fault, fault):
                if told:
                    click.echo(f"    ✘ {told}")


def _told(outcome: Outcome) -> str:
    lines = [f"{outcome.source}/{outcome.feed}: " + ("nothing new" if not outcome.deliveries else "")]
    for delivery in outcome.deliveries:
        counts = f"{delivery.rows_in} 行：入库 {delivery.rows_landed}，隔离 {delivery.rows_quarantined}"
        lines.append(f"    {delivery.status} {delivery.file_name} {delivery.batch} {counts} {delivery.reason}".rstrip())
    if outcome.fault:
        lines[0] = f"{outcome.source}/{outcome.feed}:"
        lines.append(f"    ✘ {outcome.fault}")
    return "\n".join(lines)


def _place(settings: Sftp | Database | Http) -> str:
    return f"{settings.host}:{settings.port}" if isinstance(settings, Sftp) else settings.url


def _progress(standing: Standing) -> str:
    well = f"{standing.succeeded_at:%Y-%m-%d %H:%M}" if standing.succeeded_at else "从未 (never)"
    last = standing.file_name or "无 (none)"
    high = standing.positions[-1].get("high") if standing.positions else None
    read = high["value"] if isinstance(high, dict) else high
    so_far = f"，读到 (read up to) {read}" if read else ""
    down = f"，出错 (fault) {standing.faulted_at:%Y-%m-%d %H:%M}" if standing.faulted_at else ""
    return f"最近成功 (last well) {well}，最近文件 (last file) {last}{so_far}{down}"


def _login_fault(means: Means, name: str, settings: Sftp | Database | Http) -> str:
    """What is wrong with the login, as far as that shows without asking the source."""
    try:
        sources.login_of(name, user=settings.user, connection=settings.connection, connections=means.connections)
    except WengangError as error:
        return str(error)
    return ""
