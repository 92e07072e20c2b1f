"""Mended portraits: which are, where what is added lands, and what is no longer the photo's."""

import jax
import numpy as np
import pytest
from PIL import Image

from facealign.faces.turning import completion
from facealign.faces.turning.layout import GRID, lay_out
from facealign.faces.turning.paint import blend
from facealign.faces.turning.window import TIGHT, enlarge
from facealign.models.completion import FACE, HELD, MAPS, OWN
from tests.faces.turning.test_compose import NOBODY, WHOLE, head_at, make, photo


def both(head, size=GRID, **style):
    return (make(head, size, mended=mended, window=WHOLE, **style) for mended in (True, False))


def mend(head):
    image = photo()
    layout = lay_out(head, NOBODY, image.size, (0.0, 0.0))
    coarse = blend(image, head.camera, layout).image
    return coarse, *completion.mend(coarse, layout, 30.0)


@pytest.mark.parametrize(
    ("yaw", "style"), [(2.0, {}), (30.0, {"yaw": 10.0}), (30.0, {"pitch": 5.0})]
)
def test_heads_that_are_not_turned_and_other_views_are_not_mended(yaw, style):
    first, second = both(head_at(yaw), **style)
    np.testing.assert_array_equal(first.image, second.image)
    np.testing.assert_array_equal(first.shares, second.shares)


def test_what_is_added_lands_in_its_place_and_is_not_the_photo_s():
    head = head_at(30.0)
    mended, plain = both(head)
    coarse, added, fades = mend(head)
    assert added.shape == (GRID, GRID, 3) and fades.shape == (GRID, GRID)
    assert np.abs(added).mean() > 0.5
    wanted = plain.image + added + (coarse - plain.image) * fades[..., None]
    assert np.abs(mended.image - wanted.clip(0, 255)).max() < 2
    np.testing.assert_allclose(mended.shares, plain.shares * (1 - fades)[..., None], atol=1e-6)


def test_a_window_shows_a_part_of_the_mended_frame():
    head = head_at(30.0)
    whole = make(head, 2 * GRID, mended=True, window=WHOLE).image
    size = round(2 * GRID * TIGHT.side)
    tight = make(head, size, mended=True, frame="tight").image
    part = enlarge(whole.astype(np.float32), TIGHT, size)
    assert np.abs(tight - part).mean() < 1.5


def test_the_mirrored_photo_gives_the_mirrored_mended_portrait():
    image, width = photo(), 240
    made = make(head_at(30.0), GRID, image, WHOLE, mended=True)
    flipped = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    head = head_at(-30.0, shift=(width - 1 - 120.0, 95.0))
    other = make(head, GRID, flipped, WHOLE, mended=True)
    away = np.abs(other.image[:, ::-1].astype(int) - made.image)[:, 8:-8]
    assert away.mean() < 3  # the frame's middle is not quite the head's


def test_maps_by_a_head_that_looks_ahead_in_the_middle_of_its_photo():
    layout = lay_out(head_at(), NOBODY, photo().size, (0.0, 0.0))
    maps = completion.draw_maps(layout)
    assert maps.shape == (GRID // 2, GRID // 2, MAPS)
    middle = maps[GRID // 4 - 3 : GRID // 4 + 3, GRID // 4 - 3 : GRID // 4 + 3]
    assert (middle[..., [OWN, FACE, HELD]] == 1).all()
    assert (maps[..., FACE] <= 1).all() and maps[0, 0, FACE] == 0


def test_the_shipped_network_changes_little_of_what_the_photo_shows():
    _, net = completion.load_completion()
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(net.params))
    _, added, _ = mend(head_at(30.0))
    layout = lay_out(head_at(30.0), NOBODY, photo().size, (0.0, 0.0))
    seen = layout.sources.shares[..., 0] * layout.view.surface > 0.95
    hidden = (layout.sources.shares[..., 0] < 0.05) & layout.view.surface
    assert np.abs(added)[seen].mean() < np.abs(added)[hidden].mean()
