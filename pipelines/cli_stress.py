"""The command that runs a scenario on the last published night, beside the night as it is and another scenario."""

import json
from datetime import datetime
from pathlib import Path

import click

from pipelines import accounts, explain, exporting, scenarios, stress_ground, stress_words, stressing
from pipelines.means import Means

DAY = click.DateTime(formats=["%Y-%m-%d"])


@click.command(name="stress")
@click.argument("name", metavar="[SCENARIO]", required=False)
@click.option("--against", help="Another scenario to compare with.")
@click.option("--as-of", type=DAY, help="On the edition of this date; else on the one that analysts read now.")
@click.option("--json", "as_json", is_flag=True, help="All figures as JSON.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="City, counties, industries as .csv too.")
@click.option("--purpose", default="", help="What the file is for; needed with --out, kept on record.")
@click.option("--to", "recipient", default="本局", show_default=True, help="Who gets the file, kept on record.")
@click.pass_obj
def stress_command(
    means: Means,
    name: str | None,
    against: str | None,
    as_of: datetime | None,
    as_json: bool,
    out: Path | None,
    purpose: str,
    recipient: str,
) -> None:
    """What a shock would cost: SCENARIO is a ready one or a file (.yml); without it, the ready ones are listed."""
    if name is None:
        click.echo(stress_words.listing(scenarios.ready()), nl=False)
        return
    asked = [scenarios.find(name), *([scenarios.find(against)] if against else [])]
    ground = stress_ground.read(means, explain.file_of(means.home, as_of.date() if as_of else None))
    found, *other = (stressing.measure(ground, scenario) for scenario in asked)
    beside = other[0] if other else None
    if out:
        told = exporting.Telling(purpose=purpose, recipient=recipient, by=accounts.caller())
        figures = stress_words.table(ground, found)
        edition_id = ground.edition["edition_id"]
        exporting.table_of(means, out, figures, told, what="压力测试结果（csv）", edition_id=edition_id)
        click.echo(f"{out}: {figures.height} rows, on record", err=True)
    if as_json:
        click.echo(json.dumps(stress_words.plain(ground, found, beside), ensure_ascii=False, indent=1, allow_nan=False))
    else:
        click.echo(stress_words.page(ground, found, beside), nl=False)
