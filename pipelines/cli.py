"""The command ``wengang``: one edge of the system, where the clock is read and errors become exit codes.

Progress and errors go to standard error, answers to standard output. Each command says what it did and where to look.
"""

import logging
import os
import shutil
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click

from pipelines import (
    STAGES,
    accounts,
    cli_keeping,
    cli_lookup,
    cli_quality,
    demo,
    doctor,
    enterprise_page,
    explain,
    exporting,
    learning,
    lessons,
    logs,
    nightly,
    query,
)
from pipelines import planted as planting
from pipelines import replay as replaying
from pipelines.cli_cases import case_group, order_group
from pipelines.cli_editions import edition_group
from pipelines.cli_feeds import feed_group
from pipelines.cli_identity import identity_group
from pipelines.cli_impact import impact_command
from pipelines.cli_monthly import monthly_command
from pipelines.cli_notices import score_notices
from pipelines.cli_panels import score_panel, validate_panel
from pipelines.cli_reserve import reserve_command
from pipelines.cli_sources import fetch, list_sources
from pipelines.cli_stress import stress_command
from pipelines.cli_watching import TIME, status_command, watch_command
from pipelines.cli_weekly import state_owned_command, weekly_command
from pipelines.errors import ReplayDifferenceError, WengangError
from pipelines.ledger import Ledger
from pipelines.nightly import Means, Outcome
from pipelines.settings import Home

ZONE = ZoneInfo("Asia/Shanghai")
DAY = click.DateTime(formats=["%Y-%m-%d"])
INSTANT = click.DateTime(
    formats=["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d"]
)
MONTH = click.DateTime(formats=["%Y-%m"])
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
DEFAULT_UNTIL = "2026-10"
log = logging.getLogger("wengang")


class _Command(click.Group):
    """A group that turns our errors into a message and the exit code of their family."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except WengangError as error:
            click.echo(f"wengang: {error}", err=True)
            sys.exit(error.exit_code)


@click.group(cls=_Command, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--home", type=click.Path(path_type=Path), envvar="WENGANG_HOME", default=Path("var"), show_default=True)
@click.option("--threads", type=click.IntRange(1, 64), envvar="WENGANG_THREADS", default=min(os.cpu_count() or 1, 8))
@click.option("--feeds", type=click.Path(path_type=Path), envvar="WENGANG_FEEDS", help="Another set of feed contracts.")
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
@click.version_option(package_name="wengang")
@click.pass_context
def main(ctx: click.Context, home: Path, threads: int, feeds: Path | None, quiet: bool) -> None:
    """Early warning of mass layoffs: departments' deliveries in, an accountable list out (稳岗)."""
    ctx.obj = Means(home=Home(home.resolve()), now=_now(), feeds=feeds, threads=threads, progress=_progress(quiet))


def _now() -> datetime:
    return datetime.now(tz=ZONE).replace(tzinfo=None, microsecond=0)


def _progress(quiet: bool) -> Any:
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    log.setLevel(logging.WARNING if quiet else logging.INFO)
    return log.info


def _feeds(means: Means, feeds: Path | None) -> Means:
    return replace(means, feeds=feeds) if feeds else means


@main.command()
@click.option("--city", default="本市", help="Name of the place served.")
@click.option("--simulated", is_flag=True, help="Mark every page 模拟数据.")
@click.pass_obj
def init(means: Means, city: str, simulated: bool) -> None:
    """Make a home with its settings; an existing one is left as it is."""
    made = demo.make_home(means.home, city=city, simulated=simulated)
    click.echo(f"{'made' if made else 'already there'}: {means.home.root}\nsettings: {means.home.settings_file}")


@main.command(name="doctor")
@click.option("--edition-by", type=TIME, metavar="HH:MM", help="Only ask: did today's edition come by then?")
@click.pass_obj
def doctor_command(means: Means, edition_by: datetime | None) -> None:
    """What is missing on this host and in this home; exit code 3 where a night could not run, 16 where one is late."""
    if edition_by:
        doctor.require_edition(means, by=edition_by.time())
        click.echo("✔ edition: 没有逾期 (not late)")
        return
    findings = doctor.examine(means)
    for finding in findings:
        click.echo(f"{finding.mark} {finding.subject}: {finding.text}")
    if any(finding.mark == "✘" for finding in findings):
        sys.exit(3)


@main.command()
@click.option("--enterprises", type=click.IntRange(200), default=5000, show_default=True)
@click.option("--months", type=click.IntRange(24), default=36, show_default=True)
@click.option("--until", type=MONTH, default=DEFAULT_UNTIL, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True)
@click.pass_obj
def demo_command(means: Means, enterprises: int, months: int, until: datetime, seed: int) -> None:
    """A generated city, then three nights on it, then where to look. Run again, nothing is doubled."""
    spec = demo.CitySpec(enterprises=enterprises, months=months, until=until.date(), seed=seed)
    outcomes = demo.run(means, spec)
    for outcome in outcomes:
        _tell(outcome)
    click.echo(demo.where_to_look(means.home, outcomes[-1], command=_own_name()))


main.add_command(demo_command, "demo")
for command in (cli_keeping.backup, cli_keeping.restore, cli_keeping.drill, cli_keeping.housekeep):
    main.add_command(command)
main.add_command(fetch)
main.add_command(list_sources)
for command in (cli_quality.corrections, cli_quality.exports_command, cli_quality.purposes_command):
    main.add_command(command)
main.add_command(watch_command)
main.add_command(score_panel)
main.add_command(validate_panel)
main.add_command(status_command)
main.add_command(feed_group)
main.add_command(identity_group)
main.add_command(case_group)
main.add_command(order_group)
main.add_command(edition_group)
main.add_command(score_notices)
main.add_command(impact_command)
main.add_command(cli_lookup.made(_now))
main.add_command(monthly_command)
main.add_command(weekly_command)
main.add_command(state_owned_command)
main.add_command(stress_command)
main.add_command(reserve_command)


@main.command()
@click.option("--out", type=click.Path(path_type=Path), required=True)
@click.option("--enterprises", type=click.IntRange(200), default=5000, show_default=True)
@click.option("--months", type=click.IntRange(1), default=36, show_default=True)
@click.option("--until", type=MONTH, default=DEFAULT_UNTIL, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True)
@click.option(
    "--clusters",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Counties × industries in which many reduce staff at once.",
)
@click.pass_obj
def city(means: Means, out: Path, enterprises: int, months: int, until: datetime, seed: int, clusters: int) -> None:
    """Generate a city: deliveries as departments would send them, and the planted truth beside."""
    spec = demo.CitySpec(enterprises=enterprises, months=months, until=until.date(), seed=seed, clusters=clusters)
    summary = demo.generate_city(means, out.resolve(), spec)
    click.echo(
        f"{summary.enterprises} enterprises, {summary.insured_persons} insured, {summary.files} files, "
        f"{summary.events} planted events: {out}/inbox, {out}/deliveries.csv, {out}/truth"
    )


@main.command()
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path), required=True)
@click.option("--feed", help="Feed of the files; else the folder's name or the header tells.")
@click.option("--at", type=INSTANT, help="When they arrived (Asia/Shanghai); else now.")
@click.option(
    "--dated", type=click.Choice(["arrival", "lag"]), help="How their rows are dated; else as the contract says."
)
@click.pass_obj
def receive(means: Means, files: tuple[Path, ...], feed: str | None, at: datetime | None, dated: Any) -> None:
    """Land deliveries; exit code 5 where one was refused."""
    refused = False
    for path, delivery in nightly.receive(means, files, feed=feed, at=at or means.now, dated=dated):
        if delivery is None:
            click.echo(f"{click.format_filename(path.name)}: already the latest word on record, nothing to do")
            continue
        counts = (
            f"{delivery.rows_in} 行：入库 {delivery.rows_landed}，隔离 {delivery.rows_quarantined}，"
            f"非数据行 {delivery.rows_set_aside}"
        )
        told = f"{delivery.status} {delivery.feed or '?'} {delivery.batch} {counts} {delivery.reason}"
        click.echo(f"{delivery.file_name}: {told}")
        refused |= delivery.status == "refused"
    if refused:
        sys.exit(5)


@main.command()
@click.argument("batch")
@click.option("--reason", required=True)
@click.pass_obj
def withdraw(means: Means, batch: str, reason: str) -> None:
    """Take a delivery back; it stays on record."""
    Ledger(means.home.ledger).withdraw(batch, at=means.now, reason=reason)
    click.echo(f"withdrawn: {batch}; the next run goes without it")


@main.command()
@click.option("--as-of", type=DAY, required=True)
@click.option("--reason", required=True, help="Printed in the edition.")
@click.pass_obj
def override(means: Means, as_of: datetime, reason: str) -> None:
    """Open a closed gate by a person's decision, for one date and for what closed it last."""
    opened = nightly.override(means, as_of=as_of.date(), reason=reason)
    click.echo(f"放行：{opened}")
    click.echo(f"run 'wengang run --as-of {as_of.date()}'; anything else that closes the gate still does")


@main.command(name="run")
@click.option("--as-of", type=DAY, required=True)
@click.option(
    "--cutoff", type=INSTANT, help="Only what was known before (Asia/Shanghai); else just after the latest delivery."
)
@click.option("--feeds", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--inbox", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Copy from here instead.")
@click.option("--no-mail", "is_quiet", is_flag=True, help="Make the edition, write no mail.")
@click.pass_obj
def run_command(
    means: Means, as_of: datetime, cutoff: datetime | None, feeds: Path | None, inbox: Path | None, is_quiet: bool
) -> None:
    """The nightly job; exit code 6 where the quality gate is closed."""
    own = replace(_feeds(means, feeds), is_quiet=is_quiet)
    with logs.recorded(own, as_of=as_of.date(), clock=_now) as told:
        _tell(nightly.run(told, as_of=as_of.date(), cutoff=cutoff, inbox=inbox))


@main.command()
@click.argument("name", type=click.Choice(STAGES))
@click.option("--as-of", type=DAY, required=True)
@click.option("--cutoff", type=INSTANT)
@click.pass_obj
def step(means: Means, name: str, as_of: datetime, cutoff: datetime | None) -> None:
    """One stage of a night, with the same result as inside 'run'."""
    with logs.recorded(means, as_of=as_of.date(), clock=_now) as told:
        receipt = nightly.step(told, name=name, as_of=as_of.date(), cutoff=cutoff)
    dropped = "".join(f", {count} {reason}" for reason, count in sorted(receipt.dropped.items()))
    click.echo(f"{name}: {receipt.rows_in} rows in, {receipt.rows_out} out{dropped}, {receipt.seconds:.1f} s")


@main.command()
@click.option("--as-of", type=DAY, required=True)
@click.option("--revision", type=int)
@click.option("--feeds", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.pass_obj
def replay(means: Means, as_of: datetime, revision: int | None, feeds: Path | None) -> None:
    """Rebuild an old edition and compare; exit code 10 where it differs, 11 where that proves nothing."""
    comparison = replaying.replay(_feeds(means, feeds), as_of=as_of.date(), revision=revision)
    words = replaying.check(comparison)
    if not comparison.equal:
        differing = ", ".join((*comparison.differing_files, *comparison.differing_tables))
        raise ReplayDifferenceError(f"{words}; differing: {differing}")
    click.echo(f"{words}: identical")


@main.command()
@click.argument("text", required=False, metavar="[QUERY]")
@click.option("--csv", "as_csv", is_flag=True, help="All rows as CSV.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="All rows into a file: .csv or .parquet")
@click.option("--purpose", default="", help="What they are for; needed with --out, kept on record.")
@click.option("--to", "recipient", default="本局", show_default=True, help="Who gets them, kept on record.")
@click.option("--outside", "is_outside", is_flag=True, help="Who gets them is not of the bureau: only with --by.")
@click.option("--by", default="", metavar="COLUMN[,COLUMN]", help="With --out: enterprises counted; no small cells.")
@click.option("--sum", "sums", default="", metavar="COLUMN[,COLUMN]", help="With --by: summed in each cell.")
@click.pass_obj
def sql(means: Means, /, text: str | None, as_csv: bool, out: Path | None, by: str, sums: str, **telling: Any) -> None:
    """A read-only shell on the published file; with QUERY, its rows. What leaves as CSV or a file goes on record."""
    told = exporting.Telling(by=accounts.caller(), **telling)
    if (by or sums) and not (by and out):
        raise click.UsageError("--by needs --out, and --sum needs --by")
    if by and out:
        names, summed = _listed(by), _listed(sums)
        cells, hidden = exporting.counts_to_file(means, text or "", out, told, by=names, sums=summed)
        click.echo(f"{out}: {cells} cells, {hidden} of them left out as small or to cover a small one, on record")
    elif out:
        click.echo(f"{out}: {exporting.to_file(means, text or '', out, told)} rows, on record")
    elif as_csv:
        query.shell(exporting.published(means), text=text, as_csv=True, tell=exporting.csv_teller(means, told))
    else:
        query.shell(exporting.published(means), text=text)


def _listed(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


@main.command(name="explain")
@click.argument("who", metavar="USCC|NAME")
@click.option("--as-of", type=DAY, help="Edition of this date; else the latest.")
@click.option("--page", type=click.Path(dir_okay=False, path_type=Path), help="One printable page (HTML) instead.")
@click.option("--purpose", default="", help="What the page is for; needed with --page, kept on record.")
@click.option("--to", "recipient", default="本局", show_default=True, help="Who gets the page, kept on record.")
@click.pass_obj
def explain_command(
    means: Means, who: str, as_of: datetime | None, page: Path | None, purpose: str, recipient: str
) -> None:
    """Why an enterprise is on the list, or why not; what help it may have."""
    day = as_of.date() if as_of else None
    if page is None:
        click.echo(explain.explain(means.home, who, as_of=day))
        return
    told = exporting.Telling(purpose=purpose, recipient=recipient, by=accounts.caller())
    exporting.page_of(means, page, lambda: enterprise_page.page(means.home, who, as_of=day), told)
    click.echo(f"{page}: written, on record")


@main.command()
@click.option("--as-of", type=DAY, required=True, help="Learn from the monthly nights up to this date.")
@click.option("--nights", type=click.IntRange(2, 120), help="How many; else as far as deliveries reach.")
@click.pass_obj
def train(means: Means, as_of: datetime, nights: int | None) -> None:
    """Teach a challenger by what past nights saw and what then happened; nothing is put in charge."""
    taught = lessons.lesson(means, as_of=as_of.date(), nights=nights)
    made = learning.teach(means, taught)
    click.echo(f"{made.model_id}: {learning.figures_text(made.facts)}\ncard: {made.folder / 'card.md'}")
    click.echo(f"put it in charge: {_own_name()} promote {made.model_id} --reason …")


@main.command()
@click.option("--as-of", type=DAY, required=True)
@click.option("--nights", type=click.IntRange(2, 120))
@click.pass_obj
def backtest(means: Means, as_of: datetime, nights: int | None) -> None:
    """What the present way of learning would have said of later months, beside rankings without learning."""
    click.echo(learning.backtest_page(means, lessons.lesson(means, as_of=as_of.date(), nights=nights)))


@main.command()
@click.argument("model_id")
@click.option("--reason", required=True, help="Kept on record.")
@click.option("--since", type=DAY, help="First night it leads; else the one after the last that taught it.")
@click.pass_obj
def promote(means: Means, model_id: str, reason: str, since: datetime | None) -> None:
    """Put a trained model in charge of the nights after those that taught it; 'rule-1' puts the rule score back."""
    click.echo(learning.promote(means, model_id, reason=reason, since=since.date() if since else None))


@main.command()
@click.option("--city", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--as-of", type=DAY, required=True, help="The last night; all deliveries before it must be in the home.")
@click.option("--until", type=MONTH, required=True, help="Learn from outcomes that had matured by this month.")
@click.pass_obj
def planted(means: Means, city: Path, as_of: datetime, until: datetime) -> None:
    """How much of what was planted in a generated city a model finds on months after those it learned from."""
    click.echo(planting.page(planting.judge(means, city=city, as_of=as_of.date(), until=until.date())), nl=False)


def _own_name() -> str:
    """How this command is called from the folder it was called from."""
    return "wengang" if shutil.which("wengang") else os.path.relpath(sys.argv[0])


def _tell(outcome: Outcome) -> None:
    seconds = sum(receipt.seconds for receipt in outcome.receipts)
    state = "已发布" if outcome.status == "issued" else "无变化，未重复发布"
    click.echo(f"{outcome.edition_id} {state}（{seconds:.0f} 秒）：{outcome.folder}")
