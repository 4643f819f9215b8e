"""Why an enterprise is on the list, or why not: read from the published file of an edition, in Chinese."""

from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from pipelines import formats
from pipelines.errors import NotFoundError, UsageError
from pipelines.ledger import Ledger
from pipelines.policy.instrument import DRAFT_TEXT, ELIGIBLE, EXPIRED
from pipelines.settings import Home
from pipelines.warehouse import connect_published

MOST_NAMES = 10


def explain(home: Home, who: str, *, as_of: date | None) -> str:
    """Text for the enterprise whose code or name is ``who``; ``NotFoundError``, or ``UsageError`` where several fit."""
    connection = connect_published(file_of(home, as_of))
    enterprise = find(connection, who)
    edition = one(connection, "SELECT * FROM out.edition")
    lines = [
        f"{enterprise['enterprise_name'] or '名称缺失'}（{enterprise['enterprise_id']}）",
        f"期次 {edition['edition_id']}，数据截止 {edition['cutoff']:%Y-%m-%d %H:%M}，"
        f"参保数据至 {_month(edition['reference_month'])}",
    ]
    listed = one(connection, "SELECT * FROM out.warning WHERE enterprise_id = $id", id=enterprise["enterprise_id"])
    filtered = one(connection, "SELECT * FROM out.filtered WHERE enterprise_id = $id", id=enterprise["enterprise_id"])
    if listed:
        lines += _listed(listed)
    elif filtered:
        lines += [f"未列入名单：{filtered['filter_text']}", f"触发条件：{filtered['trigger_text']}"]
    else:
        lines += ["未列入名单：没有达到任何一条触发线。"]
    score = one(connection, "SELECT * FROM out.risk WHERE enterprise_id = $id", id=enterprise["enterprise_id"])
    if score:
        lines.append(
            f"风险分 {score['points']}（0—100，不是概率），全市第 {score['rank_city']} 位，"
            f"触发维度 {score['dimension_count']} 个"
        )
        if score["probability"] is not None:
            lines += _forecast(connection, score, one(connection, "SELECT * FROM out.model"))
        lines += _months(connection, enterprise["enterprise_no"])
        lines += _help(connection, enterprise["enterprise_no"])
    else:
        lines.append("没有可用的参保记录，不评分。")
    connection.close()
    return "\n".join(lines)


def file_of(home: Home, as_of: date | None) -> Path:
    """The published file of the latest edition, or of that of ``as_of``; raises ``NotFoundError``."""
    if as_of is None:
        return home.published / "current.duckdb"
    issued = [e for e in Ledger(home.ledger).editions(as_of=as_of) if e.status == "issued"]
    if not issued:
        raise NotFoundError(f"no edition of {as_of} was issued")
    path = home.published / f"wengang-{issued[-1].edition_id}.duckdb"
    if not path.is_file():
        raise NotFoundError(
            f"the published file of {issued[-1].edition_id} is no longer kept; 'wengang replay' rebuilds it"
        )
    return path


def find(connection: duckdb.DuckDBPyConnection, who: str) -> dict[str, Any]:
    """The row of ``out.enterprise`` whose code or name is ``who``, or whose name holds it if only one does."""
    exact = every(
        connection, "SELECT * FROM out.enterprise WHERE enterprise_id = $who OR enterprise_name = $who", who=who
    )
    found = exact or every(
        connection,
        "SELECT * FROM out.enterprise WHERE contains(enterprise_name, $who) ORDER BY enterprise_id LIMIT $most",
        who=who,
        most=MOST_NAMES,
    )
    if not found:
        raise NotFoundError(f"no enterprise is called {who} or has that code in this edition")
    if len(found) > 1:
        names = "\n".join(f"  {row['enterprise_id']} {row['enterprise_name']}" for row in found)
        raise UsageError(f"several enterprises fit, give the code of one:\n{names}")
    return found[0]


def _listed(row: dict[str, Any]) -> list[str]:
    return [
        f"预警等级 {row['colour']}（{row['change_kind']}），编号 {row['warning_no']}，"
        f"{row['listed_since']} 首次列入，连续 {row['months_listed']} 个月",
        f"触发条件：{row['trigger_text']}",
        f"主要原因：{row['reasons_text']}",
        f"缓释因素：{row['mitigation_text']}",
        f"建议措施：{row['action_text']}",
        f"责任单位：{row['responsible_text']}；时限：{row['deadline_text']}",
        f"数据完整度：{row['completeness_text']}",
    ]


def _forecast(connection: duckdb.DuckDBPyConnection, score: dict[str, Any], model: dict[str, Any]) -> list[str]:
    """The model's figure and, for a listed enterprise, what each theme adds to it."""
    lines = [
        f"预测{model['forecast_label']}的可能性 {score['probability']:.1%}，"
        f"预计减少 {score['expected_loss_persons']:.1f} 人（模型 {model['model_id']}）"
    ]
    themes = every(
        connection,
        "SELECT theme, contribution_log_odds FROM out.warning_contribution WHERE enterprise_no = $number "
        "ORDER BY abs(contribution_log_odds) DESC, theme",
        number=score["enterprise_no"],
    )
    if themes:
        told = "，".join(f"{row['theme']} {row['contribution_log_odds']:+.2f}" for row in themes)
        lines.append(f"风险构成（对数优势，合计 {score['log_odds']:+.2f}）：{told}")
    return lines


ANSWERS = (
    "SELECT i.instrument_name, i.deadline_text, i.departments_text, i.by_hand_text, i.worth_text, a.* "
    "FROM out.policy_answer AS a JOIN out.policy_instrument AS i USING (instrument_id) WHERE enterprise_no = $number "
    "ORDER BY i.clause_no, i.instrument_id"
)
OVER = f"SELECT * FROM out.policy_instrument WHERE instrument_state = '{EXPIRED}' ORDER BY clause_no, instrument_id"
BY_HAND = (
    "SELECT * FROM out.policy_instrument WHERE NOT is_judged AND beneficiary = '企业' "
    f"AND instrument_state <> '{EXPIRED}' ORDER BY clause_no, instrument_id"
)
HAS_POLICIES = "SELECT 1 FROM information_schema.tables WHERE table_schema = 'out' AND table_name = 'policy_answer'"
MARGIN = "SELECT * FROM out.refund_margin WHERE enterprise_no = $number"


def _help(connection: duckdb.DuckDBPyConnection, number: int) -> list[str]:
    """Each instrument in force with its answer, those that are over in one line, and the margin of the refund."""
    if not one(connection, HAS_POLICIES):
        return ["本期次早于政策判断，没有可享政策一节。"]
    answers = every(connection, ANSWERS, number=number)
    if not answers:
        return []
    over = every(connection, OVER)
    lines = [f"可享政策（{DRAFT_TEXT}，金额为测算）："]
    for row in answers:
        told = [row["failing_text"], row["missing_text"]]
        told += [f"找{row['departments_text']}"] if row["policy_answer"] == ELIGIBLE else []
        why = "；".join(words for words in told if words)
        amount = f"，测算{formats.yuan(row['amount_fen'])}" if row["amount_fen"] else ""
        end = "" if row["deadline_text"] == "未注明" else f"，{row['deadline_text']}"
        had = f"，{row['received_on']}有同类发放记录" if row["received_on"] else ""
        lines.append(f"  {row['policy_answer']}　{row['instrument_name']}{amount}{end}{had}：{why}")
    by_hand = every(connection, BY_HAND)
    if by_hand:
        lines.append("  须人工核对　" + "、".join(row["instrument_name"] for row in by_hand))
    if over:
        lines.append("  已到期　" + "、".join(row["instrument_name"] for row in over))
    margin = margin_text(one(connection, MARGIN, number=number))
    return [*lines, *([f"  {margin}"] if margin else [])]


def margin_text(row: dict[str, Any]) -> str:
    """How many more departures this year bears, in words; empty where that is not known."""
    spare = row.get("refund_margin_persons")
    if spare is None:
        return ""
    told = "按目前人数，到12月将超过" if spare < 0 else f"今年再减少{spare}人以内不超过"
    return f"裁员率：{told}上限（按现行算法；明年返还规则未发布，仅供提醒）"


def _months(connection: duckdb.DuckDBPyConnection, number: int) -> list[str]:
    rows = every(
        connection,
        "SELECT month, insured_persons FROM out.enterprise_month "
        "WHERE enterprise_no = $number ORDER BY month DESC LIMIT 6",
        number=number,
    )
    trail = "→".join(f"{_month(r['month'])}{r['insured_persons']}人" for r in reversed(rows))
    return [f"参保人数：{trail}"] if rows else ["近期没有参保记录。"]


def _month(month: date) -> str:
    return f"{month.year}年{month.month}月"


def every(connection: duckdb.DuckDBPyConnection, sql: str, **values: Any) -> list[dict[str, Any]]:
    """All rows of a query."""
    rows: list[dict[str, Any]] = connection.sql(sql, params=values or None).pl().to_dicts()
    return rows


def one(connection: duckdb.DuckDBPyConnection, sql: str, **values: Any) -> dict[str, Any]:
    """The first row of a query; empty where there is none."""
    rows = every(connection, sql, **values)
    return rows[0] if rows else {}
