"""The light of one side of a face on pixels of the other side."""

import numpy as np
import pytest

from facealign.faces.turning import scene, turn
from facealign.faces.turning.light import compare_light, relight
from facealign.geometry import head as heads
from tests.faces.turning.test_compose import NOBODY, SIZE
from tests.faces.turning.test_turn import mean_view

OWN, OTHER = 192.0, 92.0  # gray levels of both sides; with the 8 that are added, 200 and 100


def find_light(yaw):
    """The light between two sides that both are shown everywhere, and the middle of the face."""
    view, head = mean_view()
    reach = scene.map_scene(view, heads.load_head().mean, head.camera, NOBODY)
    own, other = (np.full((SIZE, SIZE, 3), level, np.float32) for level in (OWN, OTHER))
    light = compare_light(own, other, np.ones((SIZE, SIZE), np.float32), view, reach, yaw)
    return light, view.surface & (view.part == turn.FACE) & (view.own.facing > 0.5)


def test_relit_colours_by_hand():
    colours = np.array([[[92.0, 0.0, 250.0]]])
    np.testing.assert_allclose(relight(colours, np.ones((1, 1, 3))), colours)
    np.testing.assert_allclose(relight(colours, np.full((1, 1, 3), 2.0)), [[[192, 8, 255]]])


@pytest.mark.parametrize("yaw", [0.0, -20.0])
def test_the_other_side_gets_the_light_of_this_one(yaw):
    light, face = find_light(yaw)
    assert light.shape == (SIZE, SIZE, 3)
    np.testing.assert_allclose(relight(np.float32(OTHER), light)[face], OWN, atol=12)


def test_the_sides_of_a_profile_have_no_light_in_common():
    light, _ = find_light(60.0)
    np.testing.assert_allclose(light, 1, atol=1e-6)


def test_the_light_fades_beside_the_head():
    light, face = find_light(0.0)
    corners = light[[0, 0], [0, -1]]
    assert light[face].min() > 1.85 and (corners > 1).all() and corners.max() < 1.5
