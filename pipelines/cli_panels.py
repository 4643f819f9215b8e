"""Commands about canonical panels: score one that no one has seen, and say how well that can be done."""

from pathlib import Path
from typing import Any

import click

from pipelines import panel_scoring, panel_validation, validation_page
from pipelines.means import Means

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
OUT = click.Path(dir_okay=False, path_type=Path)
CALENDARS = click.Choice(["gregorian", "lunar"])


def _asking(command: Any) -> Any:
    """The options that say what is asked, the same for both commands."""
    options = (
        click.option("--panel", type=FILE, required=True, help="Canonical panel to score: Parquet or CSV."),
        click.option(
            "--origin", "origins", multiple=True, required=True, help="YYYY-MM, or YYYY-MM..YYYY-MM; may be repeated."
        ),
        click.option("--label", default="loss20", show_default=True),
        click.option("--min-insured", type=click.IntRange(1), default=10, show_default=True),
        click.option("--calendar", type=CALENDARS, default="gregorian", show_default=True),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command(name="score-panel")
@click.option("--train", "training", type=FILE, multiple=True, required=True, help="Canonical panel; may be repeated.")
@_asking
@click.option("--out", type=OUT, required=True, help=".parquet or .csv")
@click.pass_obj
def score_panel(means: Means, /, training: tuple[Path, ...], panel: Path, out: Path, **asked: Any) -> None:
    """Fit on canonical panels, score a panel never seen; needs no home."""
    frames = [panel_scoring.read_panel(path) for path in training]
    scores, trained = panel_scoring.score_panel(
        frames, panel_scoring.read_panel(panel), _request(**asked), say=means.progress
    )
    panel_scoring.write_scores(scores, out)
    click.echo(
        f"{out}: {scores.height} rows, {trained.variant}, taught by {trained.rows} rows, {trained.events} events"
    )


@click.command(name="validate-panel")
@click.option(
    "--train", "training", type=FILE, multiple=True, help="Canonical panel; without one, the panel's own past."
)
@_asking
@click.option("--name", default="panel", show_default=True, help="Heads the section; no spaces.")
@click.option("--out", type=OUT, required=True, help=".md; its charts go into a folder of the same name beside it.")
@click.pass_obj
def validate_panel(
    means: Means, /, training: tuple[Path, ...], panel: Path, name: str, out: Path, **asked: Any
) -> None:
    """How well a panel is foreseen: figures, baselines, intervals, and the checks of a doubter; needs no home."""
    question = panel_validation.Question(
        training=tuple(panel_scoring.read_panel(path) for path in training),
        panel=panel_scoring.read_panel(panel),
        request=_request(**asked),
        name=name,
        name_zh=name,
    )
    facts = panel_validation.validate_panel(question, say=means.progress)
    charts = write_report([facts], out)
    click.echo(
        f"{out}: {facts['rows']} rows, average precision {facts['rankings']['model']['average_precision']:.3f}, "
        f"{charts} charts in {out.with_suffix('')}"
    )


def write_report(sections: list[dict[str, Any]], out: Path, *, notes: tuple[str, str] = ("", "")) -> int:
    """Write the page of ``sections`` to ``out`` and its charts beside it; gives how many charts there are.

    ``notes`` stand at its head, in Chinese and in English.
    """
    page, charts = validation_page.render(sections, pictures=out.stem, notes=notes)
    folder = out.with_suffix("")
    folder.mkdir(parents=True, exist_ok=True)
    out.write_text(page, encoding="utf-8")
    for name, text in charts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return len(charts)


def _request(*, origins: tuple[str, ...], label: str, min_insured: int, calendar: str) -> panel_scoring.Request:
    return panel_scoring.Request(
        label=label,
        origins=panel_scoring.origins_of(origins),
        minimum_insured=min_insured,
        is_lunar=calendar == "lunar",
    )
