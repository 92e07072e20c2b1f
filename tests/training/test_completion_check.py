"""How a completion is measured: in the face where it is hidden and shown, and beside it."""

import jax
import jax.numpy as jnp
import numpy as np
import optax

from facealign.models.apply import Network, init_network
from facealign.models.completion import FACE, HEAD, KNOWN, OWN, PLANES, Completion
from facealign.training import completion_check


def held_out():
    """Columns: face hidden, face shown, beside it, far away; 51 of 255 wrong only where hidden."""
    maps = np.zeros((1, 4, 4, 8), np.uint8)
    maps[..., KNOWN] = 255
    maps[:, :, :2, FACE], maps[:, :, 1, OWN], maps[:, :, :3, HEAD] = 255, 255, 255
    truth, returned = np.zeros((2, 1, 8, 8, 3), np.uint8)
    returned[:, :, :2], returned[:, :, 4:6] = 51, 102
    # Each column becomes two of thumbnails.
    returned, truth, maps = (x.repeat(4, axis=1).repeat(4, axis=2) for x in (returned, truth, maps))
    returned = {"image": returned, "maps": maps, "yaw": np.array([20.0])}
    return {"unrestricted": returned, "restricted": {"image": truth}}


def test_errors_by_hand():
    """51 gray levels are .4 of images in [-1, 1]."""
    found = completion_check.measure_returned({}, held_out())
    expected = {"l1/near": 0.4, "l1/hidden": 0.4, "l1/seen": 0.0, "l1/beside": 0.8}
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-6)


def test_a_batch_that_is_not_full_gives_as_many_portraits():
    network = Network(Completion((8, 16), (1, 1)), optax.sgd(1.0))
    net = init_network(network, jax.random.key(0), jnp.zeros((1, 16, 16, PLANES)))
    rng, count = np.random.default_rng(0), completion_check.BATCH + 1
    returned = {
        "image": rng.integers(0, 256, (count, 32, 32, 3), dtype=np.uint8),
        "maps": rng.integers(0, 256, (count, 16, 16, 8), dtype=np.uint8),
        "yaw": np.linspace(-40, 40, count),
    }
    whole = completion_check.complete(network, net, returned)
    last = completion_check.complete(network, net, {k: v[-1:] for k, v in returned.items()})
    assert whole.shape == returned["image"].shape and whole.dtype == np.uint8
    np.testing.assert_allclose(whole[-1:].astype(int), last, atol=1)
