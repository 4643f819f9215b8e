"""The table that a state-owned enterprise needs for its responsibility report (clause 15 of the draft measures).

No feed tells who is state-owned: the settings name the codes. What no feed tells of an enterprise (training, the yearly
allowance for more staff) stays 无数据, for the enterprise to fill in. It holds nothing of the list of warnings.
"""

import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from pipelines import formats
from pipelines.monthly import Figures, tables_of
from pipelines.stages.report.workbook import Binding, Block, Column, Sheet, Style, write
from pipelines.warehouse import connect_published

TITLE = "国有企业稳就业情况表"
UNKNOWN = "无数据"
FROM_NOTHING = "年初无人参保"
TOLD: tuple[tuple[str, str, int, Style], ...] = (
    ("统一社会信用代码", "enterprise_id", 21, "text"),
    ("企业名称", "enterprise_name", 30, "wrap"),
    ("县区", "county_name", 10, "text"),
    ("年初参保（人）", "start_persons", 11, "count"),
    ("现参保（人）", "insured_persons", 11, "count"),
    ("增减（人）", "year_change_persons", 10, "signed"),
    ("增减率", "year_change_ratio", 10, "signed_percent"),
    ("招用高校毕业生（人）", "graduate_persons", 12, "count"),
    ("招用其他重点群体（人次）", "other_group_persons", 13, "count"),
    ("其中残疾人（人）", "disabled_persons", 10, "count"),
    ("招用数据至", "hired_month", 12, "text"),
    ("在招岗位（月度最多，个）", "open_posts", 13, "count"),
    ("岗位数据至", "posts_month", 12, "text"),
)
BY_HAND = ("职业技能培训（人次）", "其中取得证书（人）", "一次性增人增资（人）", "就业见习岗位（个）")
NOTES = (
    "用途：供国有企业编制社会责任报告“稳就业情况”部分（征求意见稿第15条，以正式文件为准）；企业核对后使用，与企业自报数不一致的，以核对结果为准。",
    "年初为上年12月参保人数，现为本期参保月份；参保人数为失业保险参保人数，不等于用工总数（不含劳务派遣到本企业的人员）。",
    "招用重点群体由单位按月报送，一人可属几个群体，其他重点群体按人次合计；在招岗位为同一月份在招最多的岗位数，不是全年新增岗位数。",
    "参保人数为0的，是当月参保名册完整而没有该企业的人员，年初为0的不计算增减率；名册不完整、该企业当月数据不明的，写“无数据”。",
    "“无数据”为没有数据来源或企业没有报送，不是零；培训、取证、增人增资、见习岗位没有分企业的数据来源，由企业填写。",
)


def figures(path: Path, codes: Sequence[str]) -> Figures:
    """What the edition in ``path`` tells of each of ``codes``: the query ``enterprise`` of ``sql/state_owned``."""
    with closing(connect_published(path)) as connection:
        asked = {"codes": list(dict.fromkeys(codes))}
        names = {"edition": tables_of(connection, "monthly", ("edition",), {})["edition"]}
        return Figures({**tables_of(connection, "state_owned", ("enterprise",), asked), **names}, asked)


def workbook(given: Figures, *, city: str, bureau: str) -> bytes:
    """The table as the bytes of an .xlsx; the same edition gives the same bytes."""
    edition_id = str(given.value("edition", "edition", "edition_id"))
    cutoff = given.value("edition", "edition", "cutoff")
    month = formats.month(given.value("edition", "edition", "reference_month"), missing=UNKNOWN)
    simulated = f"【{formats.SIMULATED}】" if given.value("edition", "edition", "is_simulated") else ""
    sheet = Sheet(
        name="稳就业情况",
        title=f"{city}{TITLE}",
        lines=(f"{simulated}{bureau}　期次 {edition_id}　参保月份 {month}　数据截止 {formats.instant(cutoff)}", *NOTES),
        blocks=(Block(columns(), rows(given), empty="设置中没有列出国有企业。"),),
        frozen=2,
    )
    header = f"{formats.CONFIDENTIAL}{simulated}"
    binding = Binding(title=TITLE, header=header, footer=edition_id, created=cutoff, author=bureau)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.xlsx"
        write(path, (sheet,), binding)
        return path.read_bytes()


def columns() -> list[Column]:
    """The columns of the table: those that feeds tell, then those that the enterprise fills in."""
    told = [
        Column(head, width, style, lambda row, name=name: row[name])  # type: ignore[misc]
        for head, name, width, style in TOLD
    ]
    return [*told, *(Column(head, 12, "text", lambda _: UNKNOWN) for head in BY_HAND)]


def rows(given: Figures) -> list[dict[str, object]]:
    """One row per code; what is unknown reads 无数据, and nobody insured 0."""
    months = {"hired_month", "posts_month"}
    found = []
    for key in given.rows("enterprise"):
        row = given.tables["enterprise"][key]
        told = {
            name: UNKNOWN if row[name] is None else formats.month(row[name]) if name in months else row[name]
            for _, name, _, _ in TOLD
        }
        if row["start_persons"] == 0:
            told["year_change_ratio"] = FROM_NOTHING
        found.append(told)
    return found
