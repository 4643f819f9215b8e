"""Names of enterprises taken apart: what clerks change must not change the parts, and parts left out are null."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.names import PARTS, Gazetteer, located, parse

GAZETTEER = Gazetteer.of(
    ["连云港市"], [("海州区", "新浦区"), ("连云区",), ("开发区", "港城"), ("东海县",), ("灌云县",), ("赣榆区",)]
)
WHOLE = "海州模拟禾瑭纺织科技有限公司"


def parts(text: str) -> dict[str, str | None]:
    return parse(pl.Series([text]), GAZETTEER).row(0, named=True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (WHOLE, {"place": "海州区", "brand": "模拟禾瑭", "trade": "纺织科技", "form": "有限"}),
        ("连云港市海州区模拟禾瑭纺织科技有限责任公司", {"full": parts(WHOLE)["full"]}),
        ("江苏省连云港市海州模拟禾瑭纺织科技有限公司", {"full": parts(WHOLE)["full"]}),
        ("新浦模拟禾瑭纺织科技有限公司", {"full": parts(WHOLE)["full"]}),
        ("模拟禾瑭（海州）纺织科技有限公司", {"full": parts(WHOLE)["full"]}),
        ("海州模拟禾瑭纺织科技股份有限公司", {"form": "股份", "core": "模拟禾瑭纺织科技"}),
        ("海州模拟禾瑭公司", {"form": None, "brand": "模拟禾瑭", "trade": None}),
        ("连云港禾瑭港务集团有限公司", {"place": "连云港市", "core": "禾瑭港务集团"}),
        ("灌云禾瑭投资合伙企业（有限合伙）", {"form": "合伙", "brand": "禾瑭", "trade": "投资"}),
        ("东海县禾瑭水晶厂", {"form": "厂", "trade": "水晶"}),
        ("东海市政工程有限公司", {"place": "东海县", "core": "市政工程"}),
        ("海州模拟禾瑭纺织有限公司灌云分公司", {"branch": "灌云分公司", "core": "模拟禾瑭纺织", "place": "海州区"}),
        ("海州澄岚建设有限公司（原海州禾瑭建筑有限公司）", {"former": "海州禾瑭建筑有限公司", "core": "澄岚建设"}),
        ("海州澄岚建设有限公司(曾用名：海州禾瑭建筑有限公司)", {"former": "海州禾瑭建筑有限公司"}),
        ("港城模拟澄岚物流有限公司", {"place": "开发区", "trade": "物流"}),
        ("禾瑭", {"brand": "禾瑭", "place": None, "form": None}),
        ("", dict.fromkeys(PARTS[1:])),
    ],
)
def test_a_name_is_taken_apart(text: str, said: dict[str, str | None]) -> None:
    assert {part: value for part, value in parts(text).items() if part in said} == said


@pytest.mark.parametrize("note", ["（已注销）", "(筹)", "。", " ", "【停业】", "(公章)"])
def test_a_note_is_no_part_of_the_name(note: str) -> None:
    assert parts(WHOLE + note) == parts(WHOLE)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([WHOLE, "禾瑭（东海）新材料有限公司", "灌云ABC机械厂"]), st.data())
def test_width_spaces_and_points_say_nothing(name: str, data: st.DataObject) -> None:
    spots = data.draw(st.lists(st.integers(0, len(name)), max_size=4))
    noise = data.draw(st.lists(st.sampled_from([" ", "\u3000", "·", "\u200b", "-"]), min_size=4, max_size=4))
    for spot, letter in zip(sorted(spots, reverse=True), noise, strict=False):
        name = f"{name[:spot]}{letter}{name[spot:]}"
    wide = name.translate({ord(c): ord(c) + 0xFEE0 for c in "ABC()"})
    plain = name.translate({0x3000: None, ord(" "): None, ord("·"): None, 0x200B: None, ord("-"): None})
    assert parts(wide) == parts(plain)


def test_brand_trade_place_and_form_make_up_the_whole() -> None:
    found = parse(pl.Series([WHOLE, "海州模拟禾瑭", None]), GAZETTEER)
    assert found["full"].to_list() == ["模拟禾瑭纺织科技|海州区|有限|", "模拟禾瑭|海州区||", None]
    assert found["core"].to_list() == ["模拟禾瑭纺织科技", "模拟禾瑭", None]


def test_a_wide_place_holds_all_counties() -> None:
    assert {"连云港市", "江苏省"} <= GAZETTEER.wide
    assert "海州区" not in GAZETTEER.wide


def test_an_address_is_told_without_city_and_county() -> None:
    told = pl.Series(["江苏省连云港市海州区新东街道模拟路3号", "新东街道 模拟路3号", None, "海州区"])
    found = located(told, GAZETTEER)
    assert found["address"].to_list() == ["新东街道模拟路3号", "新东街道模拟路3号", None, None]
    assert found["street"].to_list() == ["新东街道", "新东街道", None, None]
