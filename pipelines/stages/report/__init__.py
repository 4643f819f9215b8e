"""The pages of an edition: workbooks for officers and counties, briefing, quality page, what departments get back.

Every byte follows from the edition: no clock, fixed order. Refuses to compute anything an officer could dispute.
"""

import shutil

from pipelines.run import Export, Receipt, Run, atomic_file
from pipelines.stages.report import express, names, policies, quality_content, visits
from pipelines.stages.report.briefing import page
from pipelines.stages.report.content import Content, read
from pipelines.stages.report.feedback import file_name, write_feedback
from pipelines.stages.report.quality import page as quality_page
from pipelines.stages.report.sheets import county_sheets, main_sheets, of_county
from pipelines.stages.report.workbook import Binding, write
from pipelines.warehouse import Warehouse

WORKBOOK = "预警名单.xlsx"
BRIEFING = "briefing.html"
QUALITY = "quality.html"
COUNTIES = "县区"
FORMS = "走访表"
FEEDBACK = "feedback"
WARNING = "监测预警"


def run(run: Run, warehouse: Warehouse) -> Receipt:
    """Write the files of the edition into its folder; listed enterprises in, listed enterprises out.

    What an interrupted run left in the county and feedback folders is removed first, so that a county that is no
    longer on the list has no workbook.
    """
    content = read(run, warehouse)
    folder = run.edition_folder
    for name in (COUNTIES, FORMS, FEEDBACK, express.FOLDER):
        shutil.rmtree(folder / name, ignore_errors=True)
    write(folder / WORKBOOK, main_sheets(content, run.contracts), _binding(content, "企业规模性裁员风险预警名单"))
    exports = [Export(WORKBOOK, "本局", len(content.warnings), WARNING)]
    told_of = (*content.warnings, *content.visits)
    counties = sorted({(row["county_code"] or "", row["county_name"] or "未知县区") for row in told_of})
    for code, name in counties:
        exports += _write_county(run, content, code, name)
    with atomic_file(folder / BRIEFING) as path:
        path.write_text(page(content), encoding="utf-8", newline="\n")
    exports.append(Export(express.FOLDER, "本局", express.write_all(folder, content, run.parameters), WARNING))
    pushed = policies.push(run, warehouse)
    exports.append(Export("政策推送", "市企业服务平台", pushed, "政策兑现"))
    write_quality(run, warehouse)
    binding = _binding(content, "数据质量反馈")
    returned = write_feedback(folder / FEEDBACK, content, run.contracts, binding=binding)
    waiting = names.sheets(run, warehouse)
    (folder / names.FILE).unlink(missing_ok=True)
    if waiting:
        write(folder / names.FILE, waiting, _binding(content, "名称认定表"))
        exports.append(Export("名称认定表", "本局", len(waiting[0].blocks[0].rows), WARNING))
    exports += [Export("数据质量反馈工作簿", owner, lines, "数据质量反馈") for owner, lines in returned.items()]
    told = f"部门反馈 {len(returned)} 份{names.waiting_line(waiting)}"
    run.progress(f"报告：名单 {len(content.warnings)} 家，县区工作簿 {len(counties)} 份，{told}")
    return Receipt(
        stage="report",
        rows_in=len(content.warnings),
        rows_out=len(content.warnings),
        notes=(f"{len(counties)} county workbooks", f"{len(returned)} feedback workbooks"),
        exports=tuple(exports),
    )


def _write_county(run: Run, content: Content, code: str, name: str) -> list[Export]:
    """The workbook of a county, and the form in which its officers answer."""
    own, file = of_county(content, code, name), f"{file_name(code)}_{file_name(name)}.xlsx"
    sheets = county_sheets(own, run.contracts, name)
    write(run.edition_folder / COUNTIES / file, sheets, _binding(content, f"{name}企业规模性裁员风险预警名单"))
    listed = len(own.warnings)
    exports = [Export(f"{COUNTIES}工作簿", name, listed, WARNING)]
    if listed and visits.FEED in run.contracts.feeds:
        asked = visits.form(own, run.contracts, place=name)
        write(run.edition_folder / FORMS / file, [asked], _binding(content, f"{name}预警企业走访跟进表"))
        exports.append(Export(FORMS, name, listed, WARNING))
    return exports


def write_quality(run: Run, warehouse: Warehouse) -> None:
    """Write the quality page into the edition's folder; it asks the gate's tables only, so a held night has one too."""
    content = quality_content.read(run, warehouse)
    with atomic_file(run.edition_folder / QUALITY) as path:
        path.write_text(quality_page(content), encoding="utf-8", newline="\n")


def _binding(content: Content, title: str) -> Binding:
    return Binding(
        title=f"{content.city}{title} {content.title}",
        header=content.marks,
        footer=f"{content.city}{content.bureau}",
        created=content.edition["cutoff"],
        author=f"{content.city}{content.bureau}",
        keywords=content.edition["edition_id"],
    )
