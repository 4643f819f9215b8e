"""What leaves for the city's service platform: issued texts only, eligible only, and nothing that rests on a guess."""

import csv
from dataclasses import replace
from pathlib import Path

import pytest
from edition_frames import fill, in_memory, make_run, store, warning

from pipelines.parameters import Parameters
from pipelines.run import Run
from pipelines.stages.report import policies


def run_with(root: Path, standing: str) -> Run:
    """A run in whose parameters the formula of the layoff rate has ``standing``."""
    run = make_run(root)
    known = dict(run.parameters.known)
    known["layoff_rate_version"] = known["layoff_rate_version"].model_copy(update={"standing": standing})
    run.edition_folder.mkdir(parents=True, exist_ok=True)
    return replace(run, parameters=Parameters(run.parameters.as_of, known))


@pytest.mark.parametrize(("standing", "pushed"), [("verified", ["WGFH"]), ("assumption", [])])
def test_only_what_is_issued_settled_and_eligible_leaves(standing: str, pushed: list[str], tmp_path: Path) -> None:
    warehouse = in_memory()
    fill(warehouse, [warning(0), warning(1)])
    answer = {"enterprise_no": warning(0)["enterprise_no"], "amount_fen": 100}
    rows = [
        answer | {"instrument_id": "WGFH", "policy_answer": "符合条件", "basis_kind": "已发布文件"},
        answer | {"instrument_id": "KGBZ", "policy_answer": "符合条件", "basis_kind": "征求意见稿"},
        answer
        | {"enterprise_no": warning(1)["enterprise_no"], "instrument_id": "WGFH"}
        | {"policy_answer": "不符合条件", "basis_kind": "已发布文件"},
    ]
    store(warehouse, "edition.policy_answer", rows)
    run = run_with(tmp_path, standing)
    assert policies.push(run, warehouse) == len(pushed)
    with (run.edition_folder / policies.PUSH).open(encoding="utf-8-sig", newline="") as lines:
        found = list(csv.DictReader(lines))
    assert [row["政策代码"] for row in found] == pushed
    assert all(row["统一社会信用代码"] == warning(0)["enterprise_id"] for row in found)
