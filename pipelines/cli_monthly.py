"""The command that writes the monthly report of an edition as a document and a page, or its public bulletin."""

from datetime import datetime
from pathlib import Path

import click

from pipelines import (
    accounts,
    explain,
    exporting,
    monthly,
    monthly_blocks,
    monthly_bulletin,
    monthly_docx,
    monthly_page,
    monthly_words,
)
from pipelines import settings as settings_file
from pipelines.errors import NotFoundError
from pipelines.means import Means
from pipelines.monthly import Figures

DAY = click.DateTime(formats=["%Y-%m-%d"])
REPORT, BULLETIN, SOURCES = "就业形势月度分析", "就业形势公报", "数据出处"


@click.command(name="monthly")
@click.option("--as-of", type=DAY, help="Edition of this date; else the latest.")
@click.option("--out", "folder", type=click.Path(file_okay=False, path_type=Path), required=True)
@click.option("--purpose", required=True, help="What the report is for, kept on record.")
@click.option("--to", "recipient", default="本局", show_default=True, help="Who gets it, kept on record.")
@click.option(
    "--bulletin", "is_bulletin", is_flag=True, help="The public bulletin instead: no enterprise, no small cell."
)
@click.option(
    "--without", "largest", type=click.IntRange(1, 50), default=3, show_default=True, help="Largest losers left out."
)
@click.pass_obj
def monthly_command(
    means: Means, as_of: datetime | None, folder: Path, purpose: str, recipient: str, is_bulletin: bool, largest: int
) -> None:
    """The monthly analysis as .docx and page: the four parts of the ministry's notice, and the exporters to the US."""
    path = explain.file_of(means.home, as_of.date() if as_of else None)
    if not path.is_file():
        raise NotFoundError(f"{path} is not there: no edition was published yet")
    figures = monthly.read(path, largest=largest, earlier=monthly.earlier_of(means.home, path))
    files, what = (_bulletin if is_bulletin else _report)(means, figures, folder)
    told = exporting.Telling(purpose=purpose, recipient=recipient, by=accounts.caller())
    folder.mkdir(parents=True, exist_ok=True)
    edition_id = str(figures.value("edition", "edition", "edition_id"))
    exporting.files_of(means, files, told, edition_id=edition_id, what=what)
    for name in files:
        click.echo(f"{name}: written, on record")


def _report(means: Means, figures: Figures, folder: Path) -> tuple[dict[Path, bytes], dict[Path, str]]:
    city = settings_file.load(means.home).city
    made = monthly_words.report(figures, city=city.name, bureau=city.bureau)
    document = monthly_docx.document(made, cutoff=figures.value("edition", "edition", "cutoff"))
    stem = folder / f"{REPORT}-{made.edition_id}"
    page, sources = monthly_page.page(made), monthly.ledger_of(monthly_blocks.figures(made))
    files = {
        stem.with_name(f"{stem.name}.docx"): document,
        stem.with_name(f"{stem.name}.html"): page.encode(),
        stem.with_name(f"{stem.name}-{SOURCES}.csv"): sources.encode("utf-8-sig"),
    }
    kinds = (f"{REPORT}（docx）", f"{REPORT}（页面）", f"{REPORT}（{SOURCES}）")
    return files, dict(zip(files, kinds, strict=True))


def _bulletin(means: Means, figures: Figures, folder: Path) -> tuple[dict[Path, bytes], dict[Path, str]]:
    city = settings_file.load(means.home).city
    made = monthly_bulletin.bulletin(figures, city=city.name, bureau=city.bureau)
    out = folder / f"{BULLETIN}-{made.edition_id}.html"
    return {out: monthly_page.page(made, is_public=True).encode()}, {out: f"{BULLETIN}（页面）"}
