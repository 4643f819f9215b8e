"""Rows of one county never occur in another's file, mail or log, whatever they are called and wherever they go."""

import email
import email.policy
import html
import shutil
import sys
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from county_city import DUTY, LIKE_A_NEEDLE, MAILED, OUTER, UNKNOWN, Draw, Needle, Night, drawn, nights, serial_of

from pipelines import enterprise_page, monthly_page, weekly, weekly_words
from pipelines.ledger import Ledger
from pipelines.settings import Home
from pipelines.stages import alert, report
from pipelines.stages.alert.digest import Digest
from pipelines.stages.alert.message import slug
from pipelines.stages.report import content


@dataclass(frozen=True)
class Text:
    """What someone gets, in words: all that lies in one file or mail, and whose rows it may hold."""

    name: str
    words: str
    counties: frozenset[str]
    is_nameless: bool = False
    """Whether it may name no enterprise at all, not even one of its counties."""
    owner: str = ""
    """The one enterprise that it is about, where it is about one."""


def of_workbook(path: Path) -> str:
    """All that lies in a workbook: cells of shown and hidden sheets, choices, names, properties, headers, footers."""
    with zipfile.ZipFile(path) as book:
        return "\n".join(html.unescape(book.read(name).decode()) for name in sorted(book.namelist()))


def of_page(path: Path) -> str:
    return html.unescape(path.read_text(encoding="utf-8"))


def of_database(path: Path) -> str:
    """Every value of every table, and the bytes of the file, where deleted rows may lie."""
    parts = [path.read_bytes().decode("latin-1")]
    with duckdb.connect(str(path), read_only=True) as connection:
        names = connection.execute("SELECT schema_name || '.' || table_name FROM duckdb_tables()").fetchall()
        parts += [str(connection.execute(f"SELECT t::VARCHAR FROM {name} AS t").fetchall()) for (name,) in names]
    return "\n".join(parts)


def of_mail(content: str) -> str:
    """Headers and every part as their reader sees them, and the names of attachments."""
    message = email.message_from_string(content, policy=email.policy.default)
    heads = [f"{name}: {value}" for name, value in message.items()]
    parts = [part for part in message.walk() if not part.is_multipart()]
    return "\n".join([*heads, *(f"{part.get_filename()} {html.unescape(str(part.get_content()))}" for part in parts)])


def workbooks(night: Night) -> Iterator[Text]:
    """The workbook and the form of every county."""
    for path in night.run.edition_folder.glob("*/*_*.xlsx"):
        yield Text(f"{path.parent.name}/{path.name}", of_workbook(path), frozenset({path.stem.split("_")[0]}))


def files(night: Night) -> Iterator[Text]:
    """The files of counties, the pages of one case each, and the page that departments read."""
    folder, edition = night.run.edition_folder, f"{night.run.as_of}-r{night.run.revision}"
    yield from workbooks(night)
    for path in (night.run.home.published / "county").glob(f"*-{edition}.duckdb"):
        yield Text(f"county/{path.name}", of_database(path), frozenset({path.name.split("-")[0]}))
    owners = {needle.word: needle for needle in night.needles}
    for path in folder.glob("快报/*"):
        own = owners[path.stem]
        yield Text(f"快报/{path.name}", of_page(path), frozenset({own.county}), owner=own.owner)
    for own in [needle for needle in night.needles if needle.word in night.listed][:5]:
        _, page = enterprise_page.page(night.run.home, own.owner, as_of=night.run.as_of)
        yield Text(f"page of {own.owner}", html.unescape(page), frozenset({own.county}), owner=own.owner)
    yield Text("quality.html", of_page(folder / "quality.html"), frozenset(), is_nameless=True)


def sheets(night: Night) -> Iterator[Text]:
    """The weekly sheet of each county, and the city's, which names no enterprise."""
    home, run = night.run.home, night.run
    path = home.published / f"wengang-{run.as_of}-r{run.revision}.duckdb"
    everywhere = frozenset(needle.county for needle in night.needles)
    for sheet in weekly.read(path, earlier=weekly.earlier_of(home, run.as_of), city="某市"):
        page = monthly_page.page(weekly_words.sheet(sheet, bureau="某局"), is_sheet=True)
        is_city = sheet.code == weekly.CITY
        counties = everywhere if is_city else frozenset({sheet.code})
        yield Text(f"weekly/{sheet.code}", html.unescape(page), counties, is_nameless=is_city)


def told(night: Night) -> Iterator[Text]:
    """Mails in the ledger and in the outbox, the ledger itself, what the stages told and the log keeps of it."""
    home, edition = night.run.home, f"{night.run.as_of}-r{night.run.revision}"
    everywhere = frozenset(needle.county for needle in night.needles)
    ledger = Ledger(home.ledger)
    for mail in ledger.mails(edition_id=edition):
        counties = everywhere if mail.recipient == DUTY else frozenset(MAILED[mail.recipient])
        yield Text(f"mail to {mail.recipient}", of_mail(mail.content), counties, is_nameless=True)
        [path] = home.outbox.glob(f"{edition}-{slug(mail.recipient)}.eml")
        yield Text(path.name, of_mail(path.read_text(encoding="ascii")), counties, is_nameless=True)
    record = "".join(path.read_bytes().decode("latin-1") for path in home.root.glob(f"{home.ledger.name}*"))
    yield Text("ledger", record, everywhere, is_nameless=True)
    log = (home.logs / f"{night.run.as_of}.jsonl").read_text(encoding="utf-8")
    yield Text("log", "\n".join([log, *night.told, *map(str, night.receipts)]), frozenset(), is_nameless=True)


def leaks(text: Text, night: Night) -> set[Needle]:
    """Words of ``text`` that its reader may not see.

    A number that a form carries though it is another case's is told where the enterprise of the form lies.
    """
    typed = {number for county, number in night.typed if county in text.counties}
    words = "\n".join(set(LIKE_A_NEEDLE.findall(text.words)))
    return {
        needle
        for needle in night.needles
        if needle.word in words
        and (
            (needle.county not in text.counties and needle.word not in typed)
            or (text.is_nameless and needle.what != "number")
            or (text.owner not in ("", needle.owner))
        )
    }


def judged(texts: Iterable[Text], night: Night) -> dict[str, set[Needle]]:
    """File or mail → what leaked into it."""
    return {text.name: found for text in texts if (found := leaks(text, night))}


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Draw, Night]]:
    """A city of a few enterprises after three nights without a leak, and the last of them."""
    draw, found = drawn(tmp_path_factory.mktemp("lived"), 2, count=16), list[Night]()

    def judge(night: Night) -> None:
        assert judged([*files(night), *sheets(night), *told(night)], night) == {}
        found.append(night)

    nights(draw, after=judge)
    yield draw, found[-1]
    draw.city.warehouse.close()


def test_what_a_county_gets_is_its_own_and_all_of_it(lived: tuple[Draw, Night]) -> None:
    draw, night = lived
    listed, numbers = draw.city.rows("edition.warning"), draw.city.rows("edition.warning", "warning_no")
    for folder in ("县区", "走访表", "county"):
        own = {next(iter(t.counties)): t.words for t in files(night) if t.name.startswith(f"{folder}/")}
        for code, row in listed.items():
            if folder != "county" or row["county_code"] != UNKNOWN:
                words = own[row["county_code"]]
                assert all(word in words for word in (code, serial_of(code), row["warning_no"]))
    mails = [text for text in told(night) if text.name.startswith("mail to ") and text.name != f"mail to {DUTY}"]
    assert {text.name.removeprefix("mail to ") for text in mails} == set(MAILED)
    assert {row["county_code"] for text in mails for number, row in numbers.items() if number in text.words} != set()
    assert draw.typed
    assert min(draw.seen[what] for what in ("moved", "解除", "filtered", "refused", "other parent")) > 0


@pytest.mark.parametrize(("seed", "count"), [(1, 3), (3, 36)])
def test_no_county_sees_another(tmp_path: Path, seed: int, count: int) -> None:
    draw = drawn(tmp_path, seed, count=count)

    def judge(night: Night) -> None:
        assert judged([*files(night), *sheets(night), *told(night)], night) == {}

    nights(draw, after=judge, count=2)
    draw.city.warehouse.close()


@pytest.mark.parametrize("part", ["warnings", "answers", "visits", "orders", "changes"])
def test_the_judge_sees_a_leak_in_a_workbook(
    lived: tuple[Draw, Night], tmp_path: Path, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw, night = lived
    whole, own = content.read(night.run, draw.city.warehouse), report.of_county

    def careless(everything: content.Content, code: str, name: str) -> content.Content:
        return replace(own(everything, code, name), **{part: getattr(everything, part)})

    monkeypatch.setattr(report, "of_county", careless)
    again = replace(night, run=replace(night.run, output=tmp_path))
    report._write_county(again.run, whole, "320706", "海州区")
    found = judged(workbooks(again), night)
    assert "县区/320706_海州区.xlsx" in found
    assert ("走访表/320706_海州区.xlsx" in found) == (part == "warnings")


def test_the_judge_sees_a_leak_in_a_published_file(lived: tuple[Draw, Night], tmp_path: Path) -> None:
    _, night = lived
    [path] = (night.run.home.published / "county").glob(f"320706-{night.run.as_of}-*.duckdb")
    shutil.copy(path, tmp_path / path.name)
    other = next(needle for needle in night.needles if needle.county == "320707" and needle.what == "code")
    with duckdb.connect(str(tmp_path / path.name)) as connection:
        connection.execute("UPDATE out.edition SET previous_edition_id = ?", [other.word])
    text = Text("a copy", of_database(tmp_path / path.name), frozenset({"320706"}))
    assert {needle.word for needle in leaks(text, night)} == {other.word}


def test_the_judge_sees_a_leak_in_a_weekly_sheet(lived: tuple[Draw, Night], monkeypatch: pytest.MonkeyPatch) -> None:
    _, night = lived
    own = weekly._of
    monkeypatch.setattr(weekly, "_of", lambda connection, county: own(connection, county and "320707"))
    found = judged(sheets(night), night)
    assert "weekly/320706" in found
    assert "weekly/320707" not in found


def test_the_judge_sees_a_leak_in_a_mail(
    lived: tuple[Draw, Night], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw, night = lived
    monkeypatch.setattr(Digest, "of", lambda digest, _, place: replace(digest, place=place))
    home = Home(tmp_path)
    alert.run(replace(night.run, home=home), draw.city.warehouse, Ledger(home.ledger), now=night.run.cutoff)
    everywhere = {needle.county for needle in night.needles}
    mails = {mail.recipient: of_mail(mail.content) for mail in Ledger(home.ledger).mails()}
    found = judged((Text(name, words, frozenset(MAILED.get(name, everywhere))) for name, words in mails.items()), night)
    assert set(found) == set(MAILED) - {OUTER}
    named = next(needle for needle in night.needles if needle.what == "name" and needle.county == "320706")
    assert leaks(Text("log", f"名单：{named.word}", frozenset({"320706"}), is_nameless=True), night) == {named}
