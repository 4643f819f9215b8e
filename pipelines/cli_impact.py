"""The command that says what being listed and visited did, as far as the capacity cut-off can tell."""

import json
from datetime import datetime

import click

from pipelines import impact, impact_words
from pipelines.means import Means

DAY = click.DateTime(formats=["%Y-%m-%d"])


@click.command(name="impact")
@click.option("--as-of", type=DAY, help="By what was known on this date; else today.")
@click.option("--json", "as_json", is_flag=True, help="All figures as JSON.")
@click.pass_obj
def impact_command(means: Means, as_of: datetime | None, as_json: bool) -> None:
    """What visits did: those listed just within a county's capacity against those left out just beyond it."""
    found = impact.measure(means, as_of=as_of.date() if as_of else means.now.date())
    if as_json:
        click.echo(json.dumps(impact_words.plain(found), ensure_ascii=False, indent=1, allow_nan=False))
    else:
        click.echo(impact_words.page(found), nl=False)
