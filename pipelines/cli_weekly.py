"""Commands for the weekly sheets of the city and its counties, and for the table of state-owned enterprises."""

import re
from datetime import datetime
from pathlib import Path

import click

from pipelines import accounts, explain, exporting, monthly_page, state_owned, weekly, weekly_words
from pipelines import settings as settings_file
from pipelines.errors import NotFoundError, SettingsError
from pipelines.means import Means

DAY = click.DateTime(formats=["%Y-%m-%d"])
SHEET = "稳岗周报"
UNSAFE = r"[^\w-]"


@click.command(name="weekly")
@click.option("--as-of", type=DAY, help="Edition of this date; else the latest.")
@click.option("--out", "folder", type=click.Path(file_okay=False, path_type=Path), required=True)
@click.option("--purpose", required=True, help="What the sheets are for, kept on record.")
@click.option("--to", "recipient", help="Who gets them, on record; else each county its own, the bureau the city's.")
@click.pass_obj
def weekly_command(means: Means, as_of: datetime | None, folder: Path, purpose: str, recipient: str | None) -> None:
    """One page for the city and one per county: list, deadlines, visits, level, score, missing data of the week."""
    path = explain.file_of(means.home, as_of.date() if as_of else None)
    if not path.is_file():
        raise NotFoundError(f"{path} is not there: no edition was published yet")
    city = settings_file.load(means.home).city
    sheets = weekly.read(path, earlier=weekly.earlier_of(means.home, weekly.day_of(path)), city=city.name)
    folder.mkdir(parents=True, exist_ok=True)
    for sheet in reversed(sheets):
        made, is_city = weekly_words.sheet(sheet, bureau=city.bureau), sheet.code == weekly.CITY
        place = sheet.code if is_city else f"{sheet.code}_{re.sub(UNSAFE, '', sheet.name)}"
        out = folder / f"{SHEET}-{made.edition_id}-{place}.html"
        receiver = recipient or ("本局" if is_city else sheet.name)
        exporting.files_of(
            means,
            {out: monthly_page.page(made, is_sheet=True).encode()},
            exporting.Telling(purpose=purpose, recipient=receiver, by=accounts.caller()),
            edition_id=made.edition_id,
            what={out: f"{SHEET}（页面）"},
            use="publication" if is_city else "county_files",
            names_enterprises=not is_city,
        )
        click.echo(f"{out}: written, on record")


@click.command(name="state-owned")
@click.option("--as-of", type=DAY, help="Edition of this date; else the latest.")
@click.option("--out", "folder", type=click.Path(file_okay=False, path_type=Path), required=True)
@click.option("--purpose", required=True, help="What the table is for, kept on record.")
@click.option("--to", "recipient", default="本局", show_default=True, help="Who gets it, kept on record.")
@click.pass_obj
def state_owned_command(means: Means, as_of: datetime | None, folder: Path, purpose: str, recipient: str) -> None:
    """The employment table of state-owned enterprises for their responsibility reports; the settings name them."""
    city = settings_file.load(means.home).city
    if not city.state_owned:
        raise SettingsError(
            ["wengang.toml: [city] state_owned: no codes; no feed tells which enterprises are state-owned"]
        )
    figures = state_owned.figures(explain.file_of(means.home, as_of.date() if as_of else None), city.state_owned)
    edition_id = str(figures.value("edition", "edition", "edition_id"))
    folder.mkdir(parents=True, exist_ok=True)
    out = folder / f"{state_owned.TITLE}-{edition_id}.xlsx"
    content = state_owned.workbook(figures, city=city.name, bureau=city.bureau)
    told = exporting.Telling(purpose=purpose, recipient=recipient, by=accounts.caller())
    exporting.files_of(means, {out: content}, told, edition_id=edition_id, what={out: f"{state_owned.TITLE}（xlsx）"})
    click.echo(f"{out}: written, on record")
