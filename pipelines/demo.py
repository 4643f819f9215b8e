"""A generated city played night by night, so that a newcomer holds an edition made by the real chain.

The deliveries are landed at their own instants, through the same door as real ones; the planted truth stays beside,
where no stage reads.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path

from pipelines import learning, lessons, nightly, synthetic
from pipelines import parameters as parameter_files
from pipelines.errors import ModelLifeError
from pipelines.ledger import Ledger
from pipelines.nightly import Means, Outcome
from pipelines.run import add_months, atomic_file
from pipelines.settings import Home

SHOCK_NIGHT = date(2025, 6, 10)
NIGHT_DAY = 12
LESSON_NIGHTS = 20
COUNTIES = (
    ("320706", "海州区", ("新浦区",), 14),
    ("320703", "连云区", (), 6),
    ("320771", "开发区", ("港城",), 6),
    ("320707", "赣榆区", (), 8),
    ("320722", "东海县", (), 8),
    ("320723", "灌云县", (), 4),
    ("320724", "灌南县", (), 4),
)


@dataclass(frozen=True)
class CitySpec:
    """Size and seed of a generated city; ``until`` is its last insurance month, ``clusters`` its common shocks."""

    enterprises: int
    months: int
    until: date
    seed: int
    clusters: int = 0

    @property
    def first_month(self) -> date:
        """Its first insurance month."""
        return add_months(self.until, 1 - self.months)


def make_home(home: Home, *, city: str, simulated: bool) -> bool:
    """Make the folders and settings of ``home``; false where settings are there already."""
    for folder in (home.root, *home.folders()):
        folder.mkdir(parents=True, exist_ok=True)
    if home.settings_file.is_file():
        return False
    with atomic_file(home.settings_file) as path:
        path.write_text(_settings_text(city, simulated=simulated), encoding="utf-8")
    return True


def _settings_text(city: str, *, simulated: bool) -> str:
    lines = [
        "# Settings of this home. Secrets never lie here: the mail password is WENGANG_SMTP_PASSWORD.",
        "keep_published = 30      # published files kept for analysts",
        "default_capacity = 10    # new yellow and blue cases a month, for an area that is not named below",
        "",
        "[city]",
        f'name = "{city}"',
        'bureau = "人力资源和社会保障局"',
        *(['also = ["连云港市"]'] if simulated else []),
        f"simulated = {'true' if simulated else 'false'}",
        "",
        "[mail]",
        "# Without smtp_host the mails are files in outbox/.",
        'sender = "wengang@localhost"',
        'duty = ["duty@localhost"]',
        '# operator = ["ops@localhost"]    # hears of faults of the system; else duty',
        'inner_domains = ["localhost"]',
        '# county = {320706 = ["haizhou@localhost"]}',
        '# smtp_host = "mail.example"',
        "# smtp_port = 25",
        '# smtp_security = "starttls"',
        "",
        "# [backup]",
        '# folder = ""             # on another disk; empty: no backups',
        "# keep = 14               # snapshots",
        "",
        "# Counties and functional zones served, and new yellow and blue cases their officers can visit a month; also",
        "# are other words that names of enterprises there begin with (an older name, the short name of a zone).",
        '# Where the reports of a county hold those of a zone too, write within = "code of the county" for the zone:',
        "# then the city does not count them twice.",
    ]
    for code, name, also, capacity in COUNTIES:
        others = ", ".join(f'"{word}"' for word in also)
        lines += [f"[counties.{code}]", f'name = "{name}"', *([f"also = [{others}]"] if also else [])]
        lines += [f"capacity = {capacity}", ""]
    return "\n".join(lines)


def generate_city(means: Means, out: Path, spec: CitySpec) -> synthetic.CitySummary:
    """Generate the city of ``spec`` into ``out``."""
    means.progress(f"生成模拟城市：{spec.enterprises} 家企业 × {spec.months} 个月（种子 {spec.seed}）")
    return synthetic.generate(
        out,
        enterprises=spec.enterprises,
        months=spec.months,
        until=spec.until,
        seed=spec.seed,
        clusters=spec.clusters,
        contracts=means.contracts(),
        parameters=parameter_files.load(spec.until),
    )


def nights(spec: CitySpec) -> list[date]:
    """One night in the tariff shock of 2025, where the city's months reach it, then the last two of the city."""
    last = [add_months(spec.until, k).replace(day=NIGHT_DAY) for k in (0, 1)]
    in_reach = add_months(spec.first_month, 13) < SHOCK_NIGHT < last[0]
    return [SHOCK_NIGHT, *last] if in_reach else [add_months(spec.until, -1).replace(day=NIGHT_DAY), *last]


def run(means: Means, spec: CitySpec) -> list[Outcome]:
    """Make a home where there is none, generate the city once, run its nights; run again, nothing is doubled."""
    make_home(means.home, city="模拟市", simulated=True)
    city = means.home.root / f"city-{spec.enterprises}x{spec.months}-{spec.until:%Y-%m}-{spec.seed}"
    if not (city / "deliveries.csv").is_file():
        generate_city(means, city, spec)
    outcomes = []
    days = nights(spec)
    for night in days:
        cutoff = datetime.combine(night, datetime.min.time()) + timedelta(hours=2)
        means.progress(f"—— {night} ——")
        nightly.play(means, schedule=city / "deliveries.csv", until=cutoff)
        own = replace(means, now=max(means.now, cutoff))
        outcomes.append(nightly.run(own, as_of=night, cutoff=cutoff))
        if night == days[-2]:
            teach(own, as_of=night, cutoff=cutoff)
    return outcomes


def teach(means: Means, *, as_of: date, cutoff: datetime) -> None:
    """Teach a model once by the nights before, and put it in charge if it beats the simple rankings."""
    if Ledger(means.home.ledger).entries("training"):
        return
    means.progress(f"—— 学习：{as_of} 之前的 {LESSON_NIGHTS} 个历史夜 ——")
    try:
        lesson = lessons.lesson(means, as_of=as_of, cutoff=cutoff, nights=LESSON_NIGHTS)
        means.progress(f"训练和检验：{lesson.panel.height} 行")
        taught = learning.teach(replace(means, progress=lambda _: None), lesson)
        means.progress(learning.promote(means, taught.model_id, reason="演示：优于全部简单排序"))
    except ModelLifeError as error:
        means.progress(f"规则评分继续领先：{error}")


def where_to_look(home: Home, outcome: Outcome, *, command: str) -> str:
    """Where a newcomer finds what was made; ``command`` is how this command is called from here."""
    return "\n".join(
        (
            "",
            "看哪里（where to look）：",
            f"  预警名单（list）        {outcome.folder / '预警名单.xlsx'}",
            f"  简报（briefing）        {outcome.folder / 'briefing.html'}",
            f"  邮件（mails）           {home.outbox}",
            f"  分析库（analysts）      {home.published / 'current.duckdb'}",
            f'  查询（query）           {command} sql "SELECT colour, count(*) FROM out.warning GROUP BY 1"',
            f"  问一家企业（explain）   {command} explain <统一社会信用代码或名称>",
            f"  重放（replay）          {command} replay --as-of {outcome.edition_id[:10]}",
        )
    )
