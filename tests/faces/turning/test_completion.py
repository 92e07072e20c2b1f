"""Mended portraits: which are, where what is added lands, and what is no longer the photo's."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from etils import epath
from PIL import Image

from configs import completion as completion_config
from facealign.errors import UserError
from facealign.faces.turning import completion
from facealign.faces.turning.layout import GRID, lay_out
from facealign.faces.turning.paint import blend
from facealign.faces.turning.style import Style
from facealign.faces.turning.window import TIGHT, enlarge
from facealign.models.apply import Network, init_network
from facealign.models.completion import FACE, HELD, MAPS, OWN, PLANES, Completion
from facealign.models.packed_weights import save_weights
from facealign.paths import shipped
from facealign.portraits import methods
from tests.faces.turning.test_compose import NOBODY, WHOLE, head_at, make, photo


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Packed weights of a network that has not learned anything, so that it adds to everything."""
    config, path = completion_config.get_config(), tmp_path_factory.mktemp("w") / "w.safetensors"
    network = Network(Completion(), optax.identity())
    net = jax.jit(lambda key: init_network(network, key, jnp.zeros((1, 32, 32, PLANES))))
    save_weights(epath.Path(path), config, 0, {"completion": net(jax.random.key(0))})
    return str(path)


def both(head, weights, size=GRID, **style):
    return (make(head, size, completion=each, window=WHOLE, **style) for each in (weights, ""))


def mend(head, weights):
    image = photo()
    layout = lay_out(image, head, NOBODY)
    coarse = blend(image, head.camera, layout).image
    return completion.mend(coarse, layout, 30.0, *completion.load_completion(weights))


@pytest.mark.parametrize(
    ("yaw", "style"), [(2.0, {}), (30.0, {"yaw": 10.0}), (30.0, {"pitch": 5.0})]
)
def test_heads_that_are_not_turned_and_other_views_are_not_mended(yaw, style, weights):
    first, second = both(head_at(yaw), weights, **style)
    np.testing.assert_array_equal(first.image, second.image)
    np.testing.assert_array_equal(first.shares, second.shares)


def test_what_is_added_lands_in_its_place_and_is_not_the_photo_s(weights):
    head = head_at(30.0)
    mended, plain = both(head, weights)
    added, fades, smooth = mend(head, weights)
    assert added.shape == (GRID, GRID, 3) and fades.shape == (GRID, GRID)
    assert np.abs(added).max() > 1
    wanted = plain.image + added + (smooth - plain.image) * fades[..., None]
    assert np.abs(mended.image - wanted.clip(0, 255)).max() < 2
    np.testing.assert_allclose(mended.shares, plain.shares * (1 - fades)[..., None], atol=1e-6)


def test_a_window_shows_a_part_of_the_mended_frame(weights):
    head = head_at(30.0)
    whole = make(head, 2 * GRID, completion=weights, window=WHOLE).image
    size = round(2 * GRID * TIGHT.side)
    tight = make(head, size, completion=weights, frame="tight").image
    part = enlarge(whole.astype(np.float32), TIGHT, size)
    assert np.abs(tight - part).mean() < 1.5


def test_the_mirrored_photo_gives_the_mirrored_mended_portrait(weights):
    """As nearly as without mending: the frame's middle is not quite the head's."""
    image, width = photo(), 240
    flipped = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    there, back = head_at(30.0), head_at(-30.0, shift=(width - 1 - 120.0, 95.0))
    away = {}
    for name, path in (("plain", ""), ("mended", weights)):
        made = make(there, GRID, image, WHOLE, completion=path).image.astype(int)
        other = make(back, GRID, flipped, WHOLE, completion=path).image.astype(int)
        away[name] = np.abs(other[:, ::-1] - made)[:, 8:-8].mean()
        away[f"{name}, the wrong way"] = np.abs(other - made)[:, 8:-8].mean()
    assert away["mended"] < away["plain"] + 1.5
    assert away["mended"] < 0.4 * away["mended, the wrong way"]


def test_maps_by_a_head_that_looks_ahead_in_the_middle_of_its_photo():
    layout = lay_out(photo(), head_at(), NOBODY)
    maps = completion.draw_maps(layout)
    assert maps.shape == (GRID // 2, GRID // 2, MAPS)
    middle = maps[GRID // 4 - 3 : GRID // 4 + 3, GRID // 4 - 3 : GRID // 4 + 3]
    assert (middle[..., [OWN, FACE, HELD]] == 1).all()
    assert (maps[..., FACE] <= 1).all() and maps[0, 0, FACE] == 0


def test_the_scene_is_not_mended_but_that_of_profiles():
    layout = lay_out(photo(), head_at(30.0), NOBODY)
    mended = completion._mended(layout)
    assert mended[layout.reach.beside > completion.BESIDE[1]].max() == 0
    height = (layout.view.eyes - np.arange(GRID)) / float(layout.view.camera.scale)
    assert mended[height < completion.CHIN[0]].max() == 0
    assert mended[layout.view.surface & (height[:, None] > completion.CHIN[1])].min() == 1
    assert completion._mended(lay_out(photo(), head_at(70.0), NOBODY)).min() == 1


def test_little_is_added_where_the_photo_shows_the_face(weights):
    added, _, _ = mend(head_at(30.0), weights)
    layout = lay_out(photo(), head_at(30.0), NOBODY)
    seen = layout.sources.shares[..., 0] * layout.view.surface > 0.95
    height = (layout.view.eyes - np.arange(GRID)) / float(layout.view.camera.scale)
    beside = ~layout.view.surface & (layout.reach.beside < completion.BESIDE[0])
    beside &= height[:, None] > completion.JAW[1]
    assert np.abs(added)[seen].mean() < 0.6 * np.abs(added)[beside].mean()


def test_portraits_are_mended_by_weights_that_come_along_or_are_given(weights):
    style = Style(size=128)
    usual, own = (methods.load_method("portrait", style, given) for given in ("", weights))
    plain = methods.load_method("unmended", style)
    assert usual.style.completion == str(shipped(completion.WEIGHTS))
    assert (own.style.completion, plain.style.completion) == (weights, "")
    assert len({usual.name, own.name, plain.name}) == 3 and weights not in own.name
    with pytest.raises(UserError, match="and no --step"):
        methods.load_method("portrait", style, weights, 3)
    with pytest.raises(UserError, match="holds reader and no completion"):
        methods.load_method("portrait", style, shipped("reader.safetensors"))
    with pytest.raises(UserError, match="takes no weights"):
        methods.load_method("unmended", style, weights)
