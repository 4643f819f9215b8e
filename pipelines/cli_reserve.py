"""The command that says what a reserve fund for unpaid wages and contributions must hold."""

import json
from datetime import datetime

import click

from pipelines import explain, reserve, reserve_words
from pipelines.means import Means
from pipelines.reserve import Asked

DAY = click.DateTime(formats=["%Y-%m-%d"])
FEN = 100


@click.command(name="reserve")
@click.option("--as-of", type=DAY, help="On the edition of this date; else on the one that analysts read now.")
@click.option("--confidence", type=float, default=0.95, show_default=True, help="How likely the sum must suffice.")
@click.option("--horizon", type=int, default=4, show_default=True, help="Over how many periods of three months.")
@click.option("--balance", type=float, help="Opening balance in yuan; else some shares of the sum needed.")
@click.option("--json", "as_json", is_flag=True, help="All figures as JSON, money in fen.")
@click.pass_obj
def reserve_command(
    means: Means, as_of: datetime | None, confidence: float, horizon: int, balance: float | None, as_json: bool
) -> None:
    """The sum a fund for unpaid wages and contributions needs, and the months the unemployment fund can pay."""
    asked = Asked(confidence, horizon, None if balance is None else round(balance * FEN))
    found = reserve.measure(means, explain.file_of(means.home, as_of.date() if as_of else None), asked)
    if as_json:
        click.echo(json.dumps(reserve_words.plain(found), ensure_ascii=False, indent=1, allow_nan=False))
    else:
        click.echo(reserve_words.page(found), nl=False)
