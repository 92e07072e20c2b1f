"""The attribute, a bin of yaw, and its critic."""

import jax
import jax.numpy as jnp
import numpy as np

from facealign.models.attribute import BINS, Critic, attribute_of
from tests.shapes import shapes


def test_yaw_is_in_the_nearest_bin_and_unknown_yaw_in_no_bin():
    yaw = jnp.array([-100.0, -7.6, -7.4, 37.0, 68.0, np.nan])
    attribute = np.asarray(attribute_of(yaw))
    assert [BINS[row.argmax()] for row in attribute[:-1]] == [-90, -15, 0, 30, 90]
    np.testing.assert_array_equal(attribute.sum(axis=1), [1, 1, 1, 1, 1, 0])


def test_shapes_of_the_attribute_critic():
    _, verdict = shapes(Critic(), jax.ShapeDtypeStruct((2, 128, 128, 1), jnp.float32))
    assert (verdict["logits"].shape, verdict["attribute"].shape) == ((2, 1, 1, 1), (2, len(BINS)))
