"""An edition made up in frames, of any length, for the tests of its pages and mails. No enterprise in it is real."""

from datetime import date, datetime
from pathlib import Path
from typing import Any

import absorption_frames
import outlook_frames
import polars as pl
import response_frames

from pipelines import contracts as contract_files
from pipelines import parameters as parameter_files
from pipelines.run import Run, add_months
from pipelines.settings import City, County, Home, Mail, Settings
from pipelines.warehouse import Warehouse

AS_OF = date(2026, 11, 12)
CUTOFF = datetime(2026, 11, 12, 2)
MONTH = date(2026, 10, 1)
EDITION = "2026-11-12-r1"
COUNTIES = {"990101": "东城区", "990102": "西城区", "990103": "港口新区", "990104": "南山县", "990105": "北河县"}
INDUSTRIES = {
    "13": "农副食品加工业",
    "17": "纺织业",
    "18": "纺织服装、服饰业",
    "24": "文教、工美、体育和娱乐用品制造业",
    "26": "化学原料和化学制品制造业",
    "29": "橡胶和塑料制品业",
    "33": "金属制品业",
    "34": "通用设备制造业",
    "38": "电气机械和器材制造业",
    "39": "计算机、通信和其他电子设备制造业",
    "47": "房屋建筑业",
    "52": "零售业",
    "54": "道路运输业",
    "65": "软件和信息技术服务业",
}
COLOURS = ("红", "橙", "黄", "蓝")
ACTIONS = {
    "红": (
        "成立专班，一企一策；核查欠薪欠费；失业金快办",
        "自下发起2小时内报告；24小时内到场；3日内（11月15日前）形成一企一策处置方案",
    ),
    "橙": ("上门走访，核实减员原因和后续计划，按需提供五类服务", "自下发起2小时内报告；2个工作日内上门走访"),
    "黄": ("走访核实，匹配可享政策，联系企业工会", "自下发起12小时内书面报告；5个工作日内上门走访"),
    "蓝": ("电话核实经营和用工情况，提示可享政策", "自下发起10个工作日内电话核实"),
}


def settings(**mail: Any) -> Settings:
    counties = {code: County(name=name, capacity=10) for code, name in COUNTIES.items()}
    return Settings(city=City(name="某市", simulated=True), counties=counties, mail=Mail(**mail))


def make_run(root: Path, *, site: Settings | None = None, as_of: date = AS_OF, revision: int = 1) -> Run:
    return Run(
        as_of=as_of,
        cutoff=CUTOFF,
        through=1,
        home=Home(root),
        settings=site or settings(),
        contracts=contract_files.load(),
        parameters=parameter_files.load(as_of),
        revision=revision,
    )


def warning(number: int, **changes: Any) -> dict[str, Any]:
    colour = "红" if number < 1 else "橙" if number < 5 else "黄" if number < 17 else "蓝"
    county = list(COUNTIES)[number % 5]
    division = list(INDUSTRIES)[number % 14]
    insured = 1200 - 3 * number
    lost = max(0, 320 - number * 9)
    base = {
        "edition_id": EDITION,
        "warning_no": f"YJ202611-{number + 1:04d}",
        "colour": colour,
        "previous_colour": None if number % 4 == 0 else "蓝",
        "change_kind": "新增" if number % 4 == 0 else "升级" if number % 7 == 1 and colour != "蓝" else "持续",
        "enterprise_no": number,
        "enterprise_id": f"91990100MA{number:08d}",
        "enterprise_name": f"模拟甲乙丙丁制造有限公司第{number + 1}号",
        "county_code": county,
        "county_name": COUNTIES[county],
        "street_name": "示例街道" if number % 3 else None,
        "industry_division": division,
        "industry_name": INDUSTRIES[division],
        "size_class": "中型",
        "is_us_exporter": number % 5 == 2,
        "export_us_share_12m_ratio": 0.42 if number % 5 == 2 else None,
        "insured_persons": insured,
        "insured_change_1m_persons": -lost,
        "insured_change_1m_ratio": -lost / (insured + lost),
        "insured_change_3m_ratio": -0.157,
        "insured_change_lunar_ratio": None if number % 6 == 0 else 0.031,
        "net_loss_persons": lost,
        "points": 80 - number % 50,
        "rank_city": number + 1,
        "trigger_code": "loss_persons",
        "trigger_text": f"2026年10月单月净减少{lost}人（−{lost * 100 / (insured + lost):.1f}%），达到{colour}色线",
        "reasons_text": f"单月净减员{lost}人（2026年10月，社保）；"
        "对美出口3月合计同比−41.2%（2026年9月，海关）；欠缴社会保险费2个月（社保）",
        "mitigation_text": "未发现缓释因素",
        "completeness_text": "有：登记、参保、海关；缺：失业动态监测",
        "is_capacity_limited": colour in "黄蓝",
        "months_listed": 1 + number % 3,
        "clean_months": 0,
        "listed_since": date(2026, 10, 12),
        "action_text": ACTIONS[colour][0],
        "responsible_text": f"{COUNTIES[county]}人社部门",
        "deadline_text": ACTIONS[colour][1],
        "case_state": "待核实",
        "remark_text": None,
    }
    return base | changes


def reason_rows(warnings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    names = [
        ("EMP03", "单月大幅减员", "用工"),
        ("EXP02", "对美出口额连续下降", "外贸"),
        ("PAY01", "欠缴社会保险费", "资金"),
    ]
    return [
        {
            "edition_id": EDITION,
            "warning_no": w["warning_no"],
            "enterprise_no": w["enterprise_no"],
            "reason_rank": rank,
            "reason_code": code,
            "reason_name": name,
            "dimension": dimension,
            "reason_points": 20,
            "is_mitigating": False,
            "reason_sentence": name,
        }
        for w in warnings
        for rank, (code, name, dimension) in enumerate(names[: 1 + w["enterprise_no"] % 3], start=1)
    ]


def change_rows(warnings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    kept = (
        "edition_id", "warning_no", "enterprise_id", "enterprise_name", "county_name",
        "change_kind", "previous_colour", "colour",
    )  # fmt: skip
    return [
        {name: w[name] for name in kept} | {"change_cause": "数据", "change_text": "2026年10月参保数据到达"}
        for w in warnings
        if w["change_kind"] != "持续"
    ]


def cell_rows() -> list[dict[str, Any]]:
    rows = []
    for back in range(13):
        for c, (code, name) in enumerate(COUNTIES.items()):
            for i, (division, industry) in enumerate(INDUSTRIES.items()):
                if (c, i) == (3, 9):
                    continue
                insured = 9000 - 500 * i + 300 * c - 12 * (12 - back) * (i % 4)
                change = (-1) ** (i + c) * (i * 23 % 61) * 7 - 60
                rows.append(
                    {
                        "edition_id": EDITION,
                        "month": add_months(MONTH, back - 12),
                        "county_code": code,
                        "county_name": name,
                        "industry_division": division,
                        "industry_name": industry,
                        "enterprise_count": 40,
                        "insured_persons": insured,
                        "net_change_persons": None if back == 0 else change,
                        "compared_before_persons": None if back == 0 else insured - change,
                        "net_change_ratio": None if back == 0 else change / (insured - change),
                        "uncompared_persons": None if back == 0 else 0,
                        "large_loss_count": (back + i + c) % 3,
                        "us_exporter_count": 2,
                        "us_exporter_insured_persons": 300,
                        "red_count": None,
                        "orange_count": None,
                        "yellow_count": None,
                        "blue_count": None,
                    }
                )
    return rows


def instrument_rows() -> list[dict[str, Any]]:
    """One instrument that is in force and one that is over."""
    states = (
        ("KGBZ", "一次性扩岗补助", "征求意见稿期内", "按数据逐家判断"),
        ("WGFH", "失业保险稳岗返还", "已到期", "执行期至2025-12-31，后续政策未见发布"),
    )
    return [
        {"edition_id": EDITION, "instrument_id": code, "instrument_name": name, "clause_no": 1, "state_text": told}
        | {"instrument_state": state, "is_judged": state != "已到期", "deadline_text": "至2026-12-31"}
        for code, name, state, told in states
    ]


def answer_rows(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Answers for every listed enterprise: one in three lacks a datum."""
    return [
        {
            "enterprise_no": row["enterprise_no"],
            "instrument_id": "KGBZ",
            "policy_answer": "缺少数据" if row["enterprise_no"] % 3 == 0 else "符合条件",
            "amount_fen": None if row["enterprise_no"] % 3 == 0 else 150_000,
            "missing_text": "重点群体招用月报" if row["enterprise_no"] % 3 == 0 else None,
            "basis_kind": "征求意见稿",
        }
        for row in rows
    ]


def source(feed: str, label: str, owner: str, state: str = "正常", **changes: Any) -> dict[str, Any]:
    base = {
        "feed": feed,
        "feed_label": label,
        "owner": owner,
        "is_required": feed in ("insurance_month", "enterprise_register"),
        "source_state": state,
        "latest_month": None if state == "缺失" else MONTH,
        "months_behind": None if state == "缺失" else 2 if state == "滞后" else 0,
        "latest_known_at": None if state == "缺失" else datetime(2026, 11, 6, 9, 30),
        "delivery_count": 0 if state == "缺失" else 14,
        "row_count": 0 if state == "缺失" else 123456,
        "quarantined_count": 3,
        "refused_count": 1,
        "dated_by": "none" if state == "缺失" else "arrival",
    }
    return base | changes


def sources() -> list[dict[str, Any]]:
    return [
        source("enterprise_register", "企业登记", "市市场监管局", dated_by="lag"),
        source("insurance_month", "单位月度参保缴费", "市人社局、市税务局"),
        source("customs_export", "海关出口", "海关", "滞后"),
        source("employment_monitor", "失业动态监测", "市人社局", "缺失"),
    ]


def result_rows() -> list[dict[str, Any]]:
    return [
        {
            "subject": subject, "check_id": check, "check_sentence": sentence, "severity": severity,
            "passed": passed, "row_count": 5000, "bad_row_count": bad, "observed_text": text,
            "mail_text": f"{subject}：{sentence}（{text}）",
        }
        for subject, check, sentence, severity, passed, bad, text in (
            ("core.enterprise_month", "unique", "每家企业每月只有一行", "fail", True, 0, ""),
            ("单位月度参保缴费", "between:insured_persons", "参保人数应在0到1000000之间", "warn", True, 0, ""),
            ("海关出口", "freshness", "海关数据应在次月20日前到达", "warn", False, 1, "滞后2个月"),
        )
    ]  # fmt: skip


def quarantine_rows() -> list[dict[str, Any]]:
    return [
        {
            "feed": "customs_export", "feed_label": "海关出口", "owner": "海关", "batch": "ab12cd34ef56",
            "delivery_no": 7, "received_at": datetime(2026, 11, 5, 8), "line_no": 40 + n, "column_name": "hs_code",
            "column_label": "商品编码", "raw_value": value, "check_id": "matches:hs_code",
            "check_sentence": "商品编码格式不符",
        }
        for n, value in enumerate(("=1+1", "８５１７", None))
    ]  # fmt: skip


def refusal_rows() -> list[dict[str, Any]]:
    return [
        {
            "feed": "", "file_name": "不明文件.xlsx", "received_at": datetime(2026, 11, 6, 8), "batch": "ffee00112233",
            "reason_text": "表头与任何数据源都不符",
        }
    ]  # fmt: skip


def fill(
    warehouse: Warehouse, rows: list[dict[str, Any]], *, revision: int = 1, changes: bool = True, **edition: Any
) -> Warehouse:
    """An edition whose list is ``rows``."""
    totals = {colour: sum(r["colour"] == colour for r in rows) for colour in COLOURS}
    head = {
        "edition_id": f"{AS_OF}-r{revision}", "as_of": AS_OF, "revision": revision, "cutoff": CUTOFF,
        "previous_edition_id": "2026-11-11-r1", "is_comparable": True, "reference_month": MONTH,
        "gate_verdict": "通过（有提示）", "model_id": "rule_score_1", "code_digest": "0" * 16,
        "parameter_digest": "1" * 16, "is_simulated": True, "warning_count": len(rows),
        "red_count": totals["红"], "orange_count": totals["橙"],
        "yellow_count": totals["黄"], "blue_count": totals["蓝"],
    } | edition  # fmt: skip
    parameters = parameter_files.load(AS_OF)
    parameter_rows = [
        {
            "edition_id": EDITION, "parameter_name": name, "parameter_label": p.label, "parameter_value": str(value),
            "parameter_unit": p.unit, "parameter_reference": p.reference, "parameter_standing": p.standing,
        }
        for name, value in parameters.in_force().items()
        for p in (parameters.known[name],)
    ]  # fmt: skip
    months = [
        {
            "month": add_months(MONTH, -n), "row_count": 5000, "expected_row_count": None if n == 12 else 5010,
            "insured_persons": 441234, "is_complete_month": n != 5,
        }
        for n in range(13)
    ]  # fmt: skip
    filtered = [
        {
            "edition_id": EDITION, "enterprise_no": 900, "enterprise_id": "91990100MA00000900",
            "enterprise_name": "模拟劳务派遣有限公司", "county_code": "990101", "county_name": "东城区",
            "industry_name": "商务服务业", "insured_persons": 800, "colour": "橙",
            "trigger_text": "单月净减少61人（−7.1%）", "points": 40,
            "filter_code": "labour_agency", "filter_text": "劳务派遣或人事代理单位，单独统计",
        }
    ]  # fmt: skip
    tables: dict[str, list[dict[str, Any]]] = {
        "edition.edition": [head],
        "edition.warning": rows,
        "edition.warning_reason": reason_rows(rows),
        "edition.warning_change": change_rows(rows) if changes else [],
        "edition.filtered": filtered,
        "edition.county_industry_month": cell_rows(),
        "edition.policy_instrument": instrument_rows(),
        "edition.policy_answer": answer_rows(rows),
        "edition.work_order": response_frames.order_rows(rows),
        "edition.county_response": response_frames.response_rows(rows),
        "edition.visit_answer": response_frames.visit_rows(sorted(rows, key=lambda row: row["warning_no"])),
        "edition.closed_case": [],
        "outlook.area": outlook_frames.area_rows(rows),
        "outlook.area_order": outlook_frames.order_rows(rows),
        "outlook.target": outlook_frames.target_rows(),
        "outlook.absorption": absorption_frames.absorption_rows(rows),
        "outlook.policy_reserve": absorption_frames.reserve_rows(rows),
        "outlook.caseload": absorption_frames.caseload_rows(rows),
        "outlook.fair": absorption_frames.fair_rows(rows),
        "edition.parameter": parameter_rows,
        "core.enterprise": [{"enterprise_no": r["enterprise_no"], "enterprise_id": r["enterprise_id"]} for r in rows],
        "core.source_status": sources(),
        "core.source_period": [],
        "core.named": [],
        "core.name_link": [],
        "core.name_candidate": [],
        "ingest.identity_decision": [],
        "core.month_status": months,
        "gate.result": result_rows(),
        "gate.verdict": [{"gate_verdict": head["gate_verdict"], "reason_text": "", "mail_text": ""}],
        "risk.model": [{"model_id": head["model_id"], "model_label": "规则分"}],
        "risk.drift": [],
        "ingest.quarantine": quarantine_rows(),
        "ingest.refusal": refusal_rows(),
        "ingest.correction": [],
        "ingest.purpose": [],
        "gate.feed_month": [],
        "gate.feed_check": [],
        "gate.feed_drift": [],
        "gate.feed_quality": [],
        "gate.department_quality": [],
    }
    for table, records in tables.items():
        store(warehouse, table, records)
    return warehouse


def store(warehouse: Warehouse, table: str, records: list[dict[str, Any]]) -> None:
    columns = list(warehouse.contracts.tables[table].columns)
    schema = warehouse.contracts.polars_schema(table)
    frame = pl.DataFrame([{name: r.get(name) for name in columns} for r in records], schema=schema)
    warehouse.store(table, frame)


def in_memory() -> Warehouse:
    return Warehouse(None, contracts=contract_files.load(), threads=1)
