"""Styles that cannot be are refused by a line that names the flag."""

import pytest

from facealign.errors import UserError
from facealign.faces.turning.style import Style, check_style


@pytest.mark.parametrize(
    "style",
    [
        Style(),
        Style(size=0),
        Style(size=128),
        Style(size=1024, frame="tight", yaw=-45.0, pitch=20.0, gray=True),
    ],
)
def test_a_style_that_can_be_stays(style):
    assert check_style(style) == style


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"size": 127}, "--size=127 must be from 128 to 1024, or 0 for what the photo holds"),
        ({"size": 1025}, "--size=1025 must be from 128 to 1024"),
        ({"size": -1}, "--size=-1 must be"),
        ({"frame": "tigth"}, "--frame='tigth' is unknown (did you mean 'tight'?)"),
        ({"yaw": 45.5}, "--yaw=45.5 must be from -45 to 45"),
        ({"yaw": float("nan")}, "--yaw=nan must be from -45 to 45"),
        ({"pitch": -21.0}, "--pitch=-21.0 must be from -20 to 20"),
    ],
)
def test_a_style_that_cannot_be_is_refused(change, line):
    with pytest.raises(UserError) as refused:
        check_style(Style()._replace(**change))
    assert str(refused.value).startswith(line) and "\n" not in str(refused.value)
