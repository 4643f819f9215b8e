"""The command that scores a register of layoff notices."""

from datetime import datetime
from pathlib import Path
from typing import Any

import click

from models.notice_cleaning import Rules
from models.notice_panel import Question
from pipelines import notice_scoring, panel_scoring
from pipelines.means import Means
from pipelines.notice_scoring import Request

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
OUT = click.Path(dir_okay=False, path_type=Path)
DAY = click.DateTime(formats=["%Y-%m-%d"])
MONTH = click.DateTime(formats=["%Y-%m"])


@click.command(name="score-notices")
@click.option("--register", type=FILE, required=True, help="Canonical register of notices: Parquet or CSV.")
@click.option("--links", type=FILE, help="Which notice amends or repeats which: Parquet or CSV.")
@click.option("--until", type=DAY, required=True, help="The first day that the register does not tell about.")
@click.option(
    "--origin", "origins", multiple=True, required=True, help="YYYY-MM, or YYYY-MM..YYYY-MM; asked on its first day."
)
@click.option("--train-until", type=MONTH, help="Outcomes matured by then teach; else by the first origin.")
@click.option("--lag-days", type=click.IntRange(0, 365), default=0, show_default=True, help="Days until published.")
@click.option("--memory-months", type=click.IntRange(1), help="Risk ends so long after the last notice; else never.")
@click.option("--with-amendments", is_flag=True, help="Leave amendments and repeats in: only to see what they feign.")
@click.option("--removed", type=OUT, help="Every removed row with its reason: .parquet or .csv")
@click.option("--out", type=OUT, required=True, help=".parquet or .csv")
@click.pass_obj
def score_notices(means: Means, /, *, register: Path, until: datetime, out: Path, **given: Any) -> None:
    """Each employer's chance of a further layoff notice within three months; needs no home."""
    origins, taught_until = panel_scoring.origins_of(given["origins"]), given["train_until"]
    request = Request(
        origins=origins,
        taught_until=taught_until.date() if taught_until else min(origins),
        until=until.date(),
        question=Question(lag_days=given["lag_days"], memory_months=given["memory_months"]),
        rules=Rules(removed=()) if given["with_amendments"] else Rules(),
    )
    links = notice_scoring.read_links(given["links"]) if given["links"] else None
    found = notice_scoring.score_notices(notice_scoring.read_register(register), links, request, say=means.progress)
    panel_scoring.write_scores(found.scores, out)
    if given["removed"]:
        panel_scoring.write_scores(notice_scoring.removed_rows(found.register), given["removed"])
    taught = found.taught
    click.echo(notice_scoring.told(found.counts))
    click.echo(
        f"{out}: {found.scores.height} rows, {taught.variant}, taught by {taught.rows} rows, {taught.events} events"
    )
