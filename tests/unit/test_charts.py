"""Charts: well-formed SVG whose words are text, the same bytes for the same figures."""

from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from pipelines import charts
from pipelines.charts import Axes, Bar, Series


def parsed(text: str) -> Element:
    return ElementTree.fromstring(text)  # noqa: S314  our own text


AXES = Axes("标题 <a> & b", "x", "y", (0.0, 0.3), (0.0, 1.0), has_diagonal=True)
SVG = "{http://www.w3.org/2000/svg}"


def drawn() -> str:
    return charts.lines([Series("本模型", ((0.0, 0.5), (0.1, float("nan")), (0.2, 0.25)), is_dotted=True)], AXES)


def test_words_are_text_and_special_characters_are_safe() -> None:
    root = parsed(drawn())
    words = [element.text for element in root.iter(f"{SVG}text")]
    assert "标题 <a> & b" in words
    assert "本模型" in words
    assert "50%" in words


def test_a_point_that_is_no_number_is_left_out() -> None:
    root = parsed(drawn())
    assert len(list(root.iter(f"{SVG}circle"))) == 2
    (line,) = root.iter(f"{SVG}polyline")
    assert len(line.attrib["points"].split()) == 2


def test_a_point_lies_where_the_axes_say() -> None:
    axes = Axes("", "", "", (0.0, 1.0), (0.0, 1.0))
    root = parsed(charts.lines([Series("s", ((0.0, 0.0), (1.0, 1.0)))], axes))
    (line,) = root.iter(f"{SVG}polyline")
    assert line.attrib["points"] == (
        f"{charts.LEFT:.1f},{charts.HEIGHT - charts.BOTTOM:.1f} {charts.WIDTH - charts.RIGHT:.1f},{charts.TOP:.1f}"
    )


def test_an_interval_runs_from_low_to_high_and_an_unknown_one_is_not_drawn() -> None:
    nan = float("nan")
    text = charts.intervals([Bar("a", 0.5, 0.25, 0.75), Bar("b", nan, nan, nan)], "t", most=1.0)
    root = parsed(text)
    (dot,) = root.iter(f"{SVG}circle")
    (bar,) = (one for one in root.iter(f"{SVG}line") if one.attrib.get("stroke-width") == "3")
    assert float(bar.attrib["x1"]) < float(dot.attrib["cx"]) < float(bar.attrib["x2"])
    assert "b" in [element.text for element in root.iter(f"{SVG}text")]


def test_the_same_figures_give_the_same_bytes() -> None:
    assert drawn() == drawn()
