"""How a matte is measured: only what is sure counts; pictures have one size."""

import jax
import numpy as np
import optax

from facealign.geometry.matte_window import SIZE, STORED
from facealign.models.apply import Network, init_network
from facealign.models.matte import Matte
from facealign.training import matte_check


def test_errors_by_hand():
    """A matte of 0.25 everywhere: of the sure half, all person, 0.75 is missing."""
    sure = np.zeros((2, 4, 4), np.float32)
    sure[:, :2] = 1
    known = {"image": np.zeros((2, 4, 4, 3)), "alpha": sure, "sure": sure}
    found = matte_check._errors({"composed": known}, lambda images: np.full((2, 4, 4), 0.25))
    np.testing.assert_allclose(found["error/composed"], 0.75)


def test_people_are_cut_out_of_their_photos():
    network = Network(Matte(), optax.sgd(1.0))
    net = init_network(network, jax.random.key(0), np.zeros((1, SIZE, SIZE, 3), np.float32))
    photos = np.random.default_rng(0).integers(0, 255, (2, STORED, STORED, 3), dtype=np.uint8)
    drawn = matte_check.draw_cut_out(network, net, photos)
    assert drawn.shape == (2, SIZE, SIZE, 3) and drawn.dtype == np.uint8
