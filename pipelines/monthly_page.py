"""The monthly report, or its public bulletin, as a page that is whole in itself: no script, nothing from elsewhere."""

from datetime import date
from pathlib import Path

from pipelines import charts, formats
from pipelines.monthly_blocks import Block, Chart, Heading, Paragraph, Report, Table, plain
from pipelines.pages import environment

TEMPLATES = Path(__file__).resolve().parent / "templates"
NAME_CHARACTERS = 5


def page(report: Report, *, is_public: bool = False, is_sheet: bool = False) -> str:
    """HTML text; a public one has no mark of an internal paper and no note on its use, a sheet fits one page of A4."""
    return (
        environment(TEMPLATES)
        .get_template("monthly.html.j2")
        .render(
            report=report,
            kind_of=kind_of,
            plain=plain,
            drawn=drawn,
            is_public=is_public,
            is_sheet=is_sheet,
            confidential=formats.CONFIDENTIAL,
            simulated=formats.SIMULATED,
            purpose=formats.PURPOSE,
        )
    )


def kind_of(block: Block) -> str:
    """What the template asks of a block."""
    match block:
        case Paragraph():
            return block.kind
        case Heading():
            return "heading"
        case Table():
            return "table"
        case Chart():
            return "chart"


def drawn(chart: Chart) -> str:
    """The picture of a chart; months are written short, with their year where it begins."""
    named = [(names(name.value, place), figure.value, figure.text) for place, (name, figure) in enumerate(chart.points)]
    return charts.changes(named, f"{chart.title}（{chart.unit}）")


def names(value: object, place: int) -> str:
    """How a point is named under its column: ``10月``, the first and each January with the year; words in lines."""
    if isinstance(value, date):
        return f"{value.month}月\n{value.year}年" if place == 0 or value.month == 1 else f"{value.month}月"
    words = str(value)
    return "\n".join(words[start : start + NAME_CHARACTERS] for start in range(0, len(words), NAME_CHARACTERS))
