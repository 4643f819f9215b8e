"""The transparent score: points that add up, caps, mitigation, sentences; and the risk stage that writes them."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import polars as pl
import pytest
from features_city import MAY, enterprise, insured, open_city, statuses

from models import reason_sentences, rule_score
from models.reason_words import month_text, percent, signed_percent, span_text, wan, yuan
from pipelines import contracts as contract_files
from pipelines import parameters as parameter_files
from pipelines.stages import features, risk

IN_FORCE = parameter_files.load(date(2025, 6, 20)).in_force()
RULES = rule_score.rule_set(IN_FORCE)
QUIET = {
    "reference_month": MAY,
    "export_reference_month": MAY,
    "monitor_month": MAY,
    "reference_month_number": 5,
    "insured_persons": 100,
    "previous_insured_persons": 100,
    "last_insured_persons": 100,
    "absent_months": 0,
    "gross_loss_persons": 0,
    "transfer_persons": 0,
    "net_loss_persons": 0,
    "net_loss_ratio": 0.0,
}


def frame(*firms: Mapping[str, Any]) -> pl.DataFrame:
    """Feature rows numbered from 0: the quiet firm with what each of ``firms`` changes."""
    contracts = contract_files.load()
    schema = contracts.polars_schema("features.enterprise")
    schema |= {
        name: pl.String() for name in ("enterprise_id", "enterprise_status", "industry_division", "industry_name")
    }
    schema["reference_month_number"] = pl.Int64()
    rows = [QUIET | {"enterprise_no": number} | firm for number, firm in enumerate(firms)]
    return pl.DataFrame([{name: row.get(name) for name in schema} for row in rows], schema=schema)


def fired(firm: Mapping[str, Any]) -> dict[str, int]:
    reasons = rule_score.score(frame(firm), RULES).reasons
    return dict(reasons.select("reason_code", "reason_points").iter_rows())


FALLING = {
    "decline_run_months": 3,
    "decline_run_ratio": 0.2,
    "decline_run_start_month": date(2025, 2, 1),
    "decline_run_start_persons": 100,
    "decline_run_end_month": MAY,
    "decline_run_end_persons": 80,
}
CUT = {"gross_loss_persons": 60, "net_loss_persons": 60, "net_loss_ratio": 0.6, "insured_persons": 40}


def test_a_quiet_enterprise_has_no_points_and_no_reason() -> None:
    scored = rule_score.score(frame({}), RULES)
    assert scored.score.select("points", "dimension_count").row(0) == (0, 0)
    assert scored.reasons.is_empty()


def test_missing_values_never_fire() -> None:
    nothing = dict.fromkeys(QUIET)
    assert fired(nothing) == {}


def test_a_dimension_gives_no_more_than_its_cap_and_reasons_add_up_to_the_score() -> None:
    scored = rule_score.score(frame(CUT | FALLING), RULES)
    assert scored.score["points"].item() == RULES.caps["用工"] == scored.reasons["reason_points"].sum()
    assert dict(scored.reasons.select("reason_code", "reason_points").iter_rows()) == {
        "EMP03": 22,
        "EMP02": 14,
        "EMP01": 0,
    }
    assert scored.score["dimension_count"].item() == 1


def test_dimensions_count_signals_not_exposure_nor_policy() -> None:
    firm = {"export_us_share_12m_ratio": 0.7, "deferral_months": 2, "deferred_fen": 100}
    scored = rule_score.score(frame(firm, firm | {"arrears_months": 3, "arrears_fen": 900}), RULES)
    assert scored.score["dimension_count"].to_list() == [0, 1]
    assert scored.score["points"].to_list() == [5, 15]


def test_a_deferral_is_said_and_never_held_against_anyone() -> None:
    assert fired({"deferral_months": 2, "deferred_fen": 100}) == {"PAY02": 0}


def test_mitigation_takes_what_is_there_and_no_more() -> None:
    recovering = {"insured_change_1m_persons": 2, "insured_change_3m_ratio": 0.05}
    assert fired(recovering) == {}, "nothing to take from, nothing said"
    assert fired(recovering | {"export_hhi_ratio": 0.9}) == {"EXP04": 1, "MIT01": -1}
    assert fired(recovering | {"arrears_months": 3}) == {"PAY01": 10, "MIT01": -4}


def test_reasons_are_ranked_by_points_then_code_and_mitigation_comes_last() -> None:
    firm = CUT | {"arrears_months": 2, "export_us_3m_change_ratio": 0.2, "export_us_3m_year_ago_usd_cent": 10**7}
    reasons = rule_score.score(frame(firm), RULES).reasons
    assert reasons["reason_code"].to_list() == ["EMP03", "EMP02", "PAY01", "MIT02"]
    assert reasons["reason_rank"].to_list() == [1, 2, 3, 4]
    assert reasons["is_mitigating"].to_list() == [False, False, False, True]


@pytest.mark.parametrize(
    ("firm", "fires"),
    [
        ({"net_loss_persons": 19, "net_loss_ratio": 0.09, "previous_insured_persons": 210}, False),
        ({"net_loss_persons": 20, "net_loss_ratio": 0.01, "previous_insured_persons": 2000}, True),
        ({"net_loss_persons": 3, "net_loss_ratio": 0.1, "previous_insured_persons": 30}, True),
        ({"net_loss_persons": 5, "net_loss_ratio": 0.25, "previous_insured_persons": 20}, False),
    ],
)
def test_the_reporting_line_of_article_41(firm: dict[str, Any], fires: bool) -> None:
    assert ("EMP02" in fired(firm)) is fires


def test_a_lower_base_in_the_month_of_yearly_adjustment_is_no_sign() -> None:
    lower = {"base_per_person_change_12m_ratio": -0.2, "base_per_person_fen": 600_000}
    assert fired(lower) == {"EMP09": 2}
    assert fired(lower | {"reference_month_number": 7}) == {}


def test_every_rule_can_be_said_in_one_sentence() -> None:
    assert {rule.code for rule in RULES.rules} == set(reason_sentences.SENTENCES)


def test_sentences_carry_number_period_and_source() -> None:
    firm = (
        CUT
        | FALLING
        | {
            "export_us_3m_change_ratio": -0.412,
            "export_us_fall_months": 2,
            "export_us_3m_year_ago_usd_cent": 10**8,
            "arrears_months": 2,
            "arrears_fen": 12_345_678,
            "notice_reported_on": date(2025, 6, 3),
            "notice_cut_persons": 25,
        }
    )
    table = frame(firm)
    reasons = rule_score.score(table, RULES).reasons
    said = dict(zip(reasons["reason_code"], reason_sentences.sentences(reasons, table), strict=True))
    assert said["EMP01"] == "参保人数2025年2月100人→5月80人（−20.0%），连续3个月下降（来源：社保）"
    assert said["EMP02"] == "单月净减少60人（−60.0%，2025年5月，来源：社保）"
    assert said["EXP02"] == "2025年3—5月对美出口同比下降41.2%，连续2个月（来源：海关）"
    assert said["PAY01"] == "截至2025年5月，近12个月有2个费款所属期欠缴社会保险费，共12.3万元（来源：社保、税务）"
    assert said["LAW01"] == "2025年6月3日报送裁减人员方案，拟裁减25人（来源：人社）"


def test_an_interrupted_insurance_and_a_festival_are_said_as_such() -> None:
    gone = QUIET | {"absent_months": 2, "last_insured_persons": 45, "transfer_3m_persons": None}
    assert reason_sentences.sentence("EMP03", gone) == "截至2025年5月连续2个月无参保记录，此前参保45人（来源：社保）"
    festive = QUIET | CUT | {"gross_loss_persons": 50, "net_loss_persons": 50, "net_loss_ratio": 0.5}
    assert reason_sentences.sentence("EMP02", festive).startswith("扣除春节因素后单月净减少50人")


def test_words_for_numbers() -> None:
    assert signed_percent(-0.158) == "−15.8%"
    assert signed_percent(0.0) == signed_percent(-0.0001) == "0.0%"
    assert percent(-0.412) == "41.2%"
    assert month_text(MAY) == "2025年5月"
    assert span_text(date(2025, 2, 1), months=3) == "2024年12月—2025年2月"
    assert wan(12_345_678, unit=1_000_000) == "12.3万"
    assert (yuan(850_000), yuan(12_345_678)) == ("8500元", "12.3万元")


def test_rules_that_contradict_the_catalogue_or_the_caps_are_refused() -> None:
    with pytest.raises(ValueError, match="not 100"):
        rule_score.rule_set(IN_FORCE | {"rule_score_caps": {"用工": 99}})
    with pytest.raises(ValueError, match="ZZZ01 is not in the catalogue"):
        rule_score.rule_set(IN_FORCE | {"rule_ZZZ01": IN_FORCE["rule_EMP01"]})


def test_the_stage_writes_a_score_for_all_and_ranks_by_points_times_insured() -> None:
    firms = [enterprise(number) for number in range(4)]
    months = insured(0, [200, 140]) + insured(1, [400, 340]) + insured(2, [50, 50]) + insured(3, [40, 40])
    run, warehouse = open_city(
        {"core.enterprise": firms, "core.enterprise_month": months, "core.month_status": statuses(2)}
    )
    features.run(run, warehouse)
    receipt = risk.run(run, warehouse)
    assert receipt.adds_up
    table = warehouse.frame("SELECT * FROM risk.score ORDER BY rank_city")
    assert table["enterprise_no"].to_list() == [1, 0, 2, 3], "ties by enterprise_id"
    assert table["model_id"].unique().to_list() == ["rule-1"]
    total = warehouse.frame("SELECT enterprise_no, sum(reason_points)::BIGINT AS points FROM risk.reason GROUP BY ALL")
    assert dict(total.iter_rows()) == {0: 36, 1: 36}
    assert warehouse.scalar("SELECT count(*) FROM risk.reason WHERE reason_sentence IS NULL") == 0


def test_the_stage_takes_an_empty_table() -> None:
    run, warehouse = open_city({})
    features.run(run, warehouse)
    assert risk.run(run, warehouse).rows_out == 0
