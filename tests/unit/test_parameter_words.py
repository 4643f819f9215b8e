"""Parameters as an officer reads them: no key, no bracket, every number as it is."""

import re
from datetime import date

from pipelines import contracts as contract_files
from pipelines import parameters as parameter_files
from pipelines.stages.edition.parameter_words import value_words

CONTRACTS = contract_files.load()


def test_a_rule_reads_level_by_level() -> None:
    rule = {"kind": "signal", "levels": [{"points": 20, "when": [["decline_run_months", ">=", 3]]}]}
    assert value_words(rule, CONTRACTS) == "20分：连续下降月数≥3"


def test_a_catalogue_reads_item_by_item() -> None:
    assert value_words([{"code": "A1", "name": "甲"}, {"code": "A2", "name": "乙"}], CONTRACTS) == "A1 甲；A2 乙"


def test_no_parameter_in_force_shows_a_key_or_a_bracket() -> None:
    for name, value in parameter_files.load(date(2026, 11, 12)).in_force().items():
        words = value_words(value, CONTRACTS)
        assert words, name
        assert not re.search(r"[{}\[\]]|levels|points|when", words), (name, words)
        assert not re.search(r"[a-z]+_[a-z]+", words), (name, words)
