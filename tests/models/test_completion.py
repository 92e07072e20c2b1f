"""The completion: mirror images, what it may not change, and gradients for all of its weights."""

import jax
import jax.numpy as jnp
import numpy as np
import optax

from facealign.models import completion, layers
from facealign.models.apply import Network, init_network, train_network
from facealign.models.completion import FACE, MAPS, OWN, PLANES, Completion

NETWORK = Network(Completion((8, 16, 16), (1, 2, 1)), optax.sgd(1.0))
SIZE = 32  # px


def net():
    return init_network(NETWORK, jax.random.key(0), jnp.zeros((1, SIZE // 2, SIZE // 2, PLANES)))


def portraits(count=2):
    keys = jax.random.split(jax.random.key(1))
    images = jax.random.uniform(keys[0], (count, SIZE, SIZE, 3), minval=-1)
    return images, jax.random.uniform(keys[1], (count, SIZE // 2, SIZE // 2, MAPS))


def test_blocks_become_channels_and_blocks_again():
    x = jnp.arange(2 * 4 * 6 * 3, dtype=jnp.float32).reshape(2, 4, 6, 3)
    deep = layers.space_to_depth(x, 2)
    assert deep.shape == (2, 2, 3, 12)
    np.testing.assert_array_equal(deep[0, 0, 0], x[0, :2, :2].ravel())
    np.testing.assert_array_equal(layers.depth_to_space(deep, 2), x)


def test_the_mirror_image_of_a_portrait_is_mended_in_mirror_image():
    images, maps = portraits()
    yaw = jnp.array([-20.0, 35.0])
    added = completion.apply_completion(NETWORK, net(), images, maps, yaw)
    mirrored = completion.apply_completion(
        NETWORK, net(), images[:, :, ::-1], maps[:, :, ::-1], -yaw
    )
    assert np.abs(added).max() > 1e-3
    np.testing.assert_allclose(mirrored, added[:, :, ::-1], atol=1e-6)


def test_a_face_that_the_photo_shows_keeps_four_fifths():
    """A gate of 1 - .8 where both maps are 1, else of 1."""
    maps = jnp.zeros((1, 1, 3, MAPS)).at[0, 0, 1:, OWN].set(1).at[0, 0, 1, FACE].set(1)
    expected = np.repeat(np.repeat([[1, 0.2, 1]], 2, axis=0), 2, axis=1)
    np.testing.assert_allclose(completion.gate(maps)[0, ..., 0], expected, atol=1e-6)


def test_no_size_drowns_another():
    """What comes from smaller maps counts the same, however large it is."""
    network = Network(Completion((8, 12, 20), (1, 1, 1)), optax.sgd(1.0))
    images, maps = portraits()
    planes = completion.pack(images, maps, jnp.array([30.0, 60.0]))
    net = init_network(network, jax.random.key(0), planes)
    ups = ((1, 1, 20, 12), (1, 1, 12, 8))  # kernels, known by their shapes
    large = jax.tree.map(lambda w: w * 100 if w.shape in ups else w, net.params)
    one, other = (
        train_network(network, params, net.batch_stats, planes, jax.random.key(2))[0]
        for params in (net.params, large)
    )
    assert sum(w.shape in ups for w in jax.tree.leaves(net.params)) == 2
    np.testing.assert_allclose(other, one, atol=2e-3 * np.abs(one).max())


def test_every_weight_learns():
    images, maps = portraits()
    planes = completion.pack(images, maps, jnp.array([0.0, 90.0]))  # as if they were thumbnails
    assert planes.shape == (2, SIZE // 2, SIZE // 2, PLANES)
    np.testing.assert_array_equal(planes[:, 0, 0, -1], [0, 1])

    def loss(params):
        added, *_ = train_network(NETWORK, params, net().batch_stats, planes, jax.random.key(2))
        assert added.shape == images.shape
        return jnp.square(added - 1).mean()

    gradients = jax.jit(jax.grad(loss))(net().params)
    for leaf in jax.tree.leaves(gradients):
        assert np.isfinite(leaf).all() and np.any(leaf)
