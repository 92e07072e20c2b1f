"""Measures of a reader: a perfect one is 0 px and 0 degrees off."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from facealign.geometry import camera as cameras
from facealign.geometry.reader_window import STORED
from facealign.models.apply import NetState, Network
from facealign.training.reader_check import draw_reading, measure_mean, measure_reader

NET = NetState({}, {}, {}, {})


class Says(nn.Module):
    """Says of every window: all landmarks in the middle, turned by a yaw in degrees."""

    yaw: float = 0.0

    def __call__(self, image: jax.Array, train: bool) -> dict[str, jax.Array]:
        count = len(image)
        rotation = cameras.rotation_of(jnp.array([self.yaw, 0.0, 0.0]))
        return {
            "landmarks": jnp.zeros((count, 68, 2)),
            "rotation": jnp.tile(rotation, (count, 1, 1)),
        }


def heads(away=0.0, yaw=0.0, count=3):
    """Photos whose landmarks are all `away` px to the right of the middle of the photo."""
    landmarks = np.full((count, 68, 2), (STORED - 1) / 2, np.float32)
    landmarks[..., 0] += away
    rotation = np.asarray(cameras.rotation_of(np.array([yaw, 0.0, 0.0])))
    return {
        "image": np.zeros((count, STORED, STORED, 3), np.uint8),
        "landmarks": landmarks,
        "known": np.ones((count, 68), np.float32),
        "rotation": np.repeat(rotation[None], count, 0),
    }


def test_errors_by_hand():
    """10 px of a photo of 176 px are 10 x 30 / 176 cm; 128 px are 18 cm: 12.12 px."""
    held_out = {"unrestricted": heads(), "restricted": heads(10.0, 25.0)}
    numbers = measure_reader(Network(Says(10.0), None), NET, held_out)
    expected = {
        "landmarks/photos": 0.0,
        "yaw/photos": 10.0,
        "landmarks/turned": 12.1212,
        "yaw/turned": 15.0,
    }
    assert set(numbers) == set(expected)
    for name, value in expected.items():
        assert numbers[name] == pytest.approx(value, abs=1e-2), name


def test_the_mean_head_is_the_mean_of_what_is_known():
    train = {domain: heads(4.0) for domain in ("unrestricted", "restricted")}
    train["unrestricted"]["landmarks"][0] += 900
    train["unrestricted"]["known"][0] = 0
    numbers = measure_mean(train, {"unrestricted": heads(4.0), "restricted": heads(4.0, 30.0)})
    assert numbers["landmarks/photos"] == pytest.approx(0, abs=1e-3)
    assert numbers["yaw/turned"] == pytest.approx(30, abs=0.1)


def test_landmarks_are_drawn_where_they_are_read():
    pictures = draw_reading(Network(Says(), None), NET, heads()["image"])
    assert pictures.shape == (3, 128, 128, 3)
    assert (pictures[0, 63, 63] == (0, 255, 0)).all() and (pictures[0, 20, 20] == 0).all()
