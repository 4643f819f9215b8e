"""What the settings of a home refuse."""

from pathlib import Path

import pytest

from pipelines import settings
from pipelines.errors import SettingsError
from pipelines.settings import Home

COUNTIES = """
[counties.320703]
name = "连云区"
capacity = 5
[counties.320771]
name = "开发区"
capacity = 5
within = "{outer}"
"""


def loaded(folder: Path, text: str) -> settings.Settings:
    home = Home(folder)
    home.settings_file.write_text(text, encoding="utf-8")
    return settings.load(home)


def test_a_zone_lies_within_the_county_that_the_settings_name(tmp_path: Path) -> None:
    found = loaded(tmp_path, COUNTIES.format(outer="320703"))
    assert [found.within(code) for code in ("320771", "320703", "999999")] == ["320703", None, None]


@pytest.mark.parametrize("outer", ["320799", "320771"])
def test_a_zone_lies_within_another_county_that_is_known(tmp_path: Path, outer: str) -> None:
    with pytest.raises(SettingsError, match="320771: within must name another county"):
        loaded(tmp_path, COUNTIES.format(outer=outer))
