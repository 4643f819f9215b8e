"""The generated parts of ``docs/analysts.md``: the star, the usage warnings, the example queries.

``python -m pipelines.star_manual`` writes them between their marks, ``--check`` only says whether they are current.
What stands outside the marks is written by hand.
"""

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipelines import contracts as contract_files
from pipelines import star
from pipelines.contracts import SQL, Contracts, Table, read_sql
from pipelines.run import atomic_file

TARGET = SQL.parent / "docs" / "analysts.md"
EXAMPLES = (
    "staff_of_counties", "industries_against_last_year", "counties_and_the_city", "reasons_of_colours", "not_listed",
    "help_for_the_listed", "late_orders", "months_of_an_enterprise", "revised_not_new", "months_that_came_late",
    "column_by_word", "warnings_of_a_table",
)  # fmt: skip
PARTS = {"dimension": "维度 Dimensions", "fact": "事实 Facts", "record": "说明 About the file"}
HEADS = (
    "表 table",
    "中文名 title",
    "一行是什么 grain",
    "主键 key",
    "最多对应一行的表 joins to one row of",
    "提示 warnings",
)


@dataclass(frozen=True)
class Example:
    """A query of ``sql/examples``: the question in both languages, its grain, the query."""

    name: str
    chinese: str
    english: str
    grain: str
    query: str


def example(name: str) -> Example:
    """The example ``name``; raises ``ValueError`` where its head lacks the question in a language."""
    text = read_sql(f"examples/{name}")
    told = dict(re.findall(r"^-- (Grain|问|Question)[:：] ?(.+)$", text, flags=re.MULTILINE))
    if len(told) != 3:
        raise ValueError(f"sql/examples/{name}.sql must say its Grain, its 问 and its Question")
    query = "\n".join(line for line in text.splitlines() if not line.startswith("--")).strip()
    return Example(name, told["问"], told["Question"], told["Grain"], query)


def render(text: str, contracts: Contracts) -> str:
    """``text`` with each generated part between its marks; raises ``ValueError`` where a mark is missing."""
    parts = {"star": _star(contracts), "warnings": _warnings(contracts), "queries": _queries()}
    for name, lines in parts.items():
        begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        if text.count(begin) != 1 or text.count(end) != 1:
            raise ValueError(f"docs/analysts.md needs the marks {begin} and {end} once")
        before, rest = text.split(begin)
        text = f"{before}{begin}\n" + "\n".join(lines) + f"\n{end}{rest.split(end)[1]}"
    return text


def _star(contracts: Contracts) -> Iterator[str]:
    facts = star.load().tables
    for part, title in PARTS.items():
        yield from (f"### {title}", "", f"| {' | '.join(HEADS)} |", f"| {' | '.join(['---'] * len(HEADS))} |")
        for table in star.published(contracts):
            if table.table in facts and facts[table.table].part == part:
                yield _row(table, facts[table.table])
        yield ""


def _row(table: Table, facts: star.Facts) -> str:
    joins = "; ".join(f"`{other}` ({', '.join(columns)})" for other, columns in facts.joins.items())
    link = f"[`{table.table}`](../sql/README.md#{table.table.replace('.', '')})"
    grain = f"{facts.grain}。{facts.note} {table.grain}. {table.note}".strip()
    key = ", ".join(f"`{name}`" for name in table.key)
    cells = (link, f"{table.label} {facts.english}", grain, key, joins, ", ".join(facts.cautions))
    return f"| {' | '.join(cells)} |"


def _warnings(contracts: Contracts) -> Iterator[str]:
    loaded = star.load()
    yield from ("| 提示 warning | 内容 | what it says | 表 tables |", "| --- | --- | --- | --- |")
    for key, caution in loaded.cautions.items():
        tables = [table.name for table in star.published(contracts) if key in dict(loaded.cautions_of(table.table))]
        shown = ", ".join(tables) if len(tables) < len(loaded.tables) // 2 else f"{len(tables)} tables"
        yield f"| {key} | {caution.chinese} | {caution.english} | {shown} |"


def _queries() -> Iterator[str]:
    for one in map(example, EXAMPLES):
        yield from (f"### {one.chinese}", "", f"{one.english} {one.grain[0].upper()}{one.grain[1:]}", "")
        yield from ("```sql", one.query, "```", "")


def main(arguments: Sequence[str], *, target: Path = TARGET) -> int:
    """Write the parts, or with ``--check`` give 1 where the file says something else than the star."""
    contracts = contract_files.load()
    star.check(contracts)
    held = target.read_text(encoding="utf-8")
    text = render(held, contracts)
    if "--check" in arguments:
        if held == text:
            return 0
        sys.stderr.write(f"{target.name} is not what the star says: run 'make docs'\n")
        return 1
    with atomic_file(target) as path:
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
