"""Critics: shapes of logits, and the pixels that each logit sees."""

import jax
import jax.numpy as jnp
import numpy as np

from facealign.models.critics import PARTS, Discriminator, FaceCritic, ScalesCritic
from tests.shapes import shapes


def test_the_discriminator_has_32_x_32_logits_for_128_px():
    _, logits = shapes(Discriminator(), jax.ShapeDtypeStruct((2, 128, 128, 1), jnp.float32))
    assert logits.shape == (2, 32, 32, 1)


def sees(module):
    """Which pixels of two images [2, 64, 64] each logit of the first image depends on."""
    images = jax.random.normal(jax.random.key(1), (2, 64, 64, 1))

    @jax.jit
    def differentiate(images):
        variables = module.init(jax.random.key(0), images, train=False)
        return jax.jacrev(lambda x: module.apply(variables, x, train=False)[0, ..., 0])(images)

    return np.asarray(differentiate(images))[..., 0] != 0


def test_a_patch_logit_sees_at_most_34_px_of_its_own_image():
    seen = sees(Discriminator(features=2))  # [16, 16, 2, 64, 64]
    assert not seen[:, :, 1].any()
    for along in (seen[:, :, 0].any(axis=(0, 2)), seen[:, :, 0].any(axis=(1, 3))):
        assert max(np.ptp(np.flatnonzero(window)) + 1 for window in along) == 34


def test_patches_of_half_the_size_see_twice_as_much():
    """16 x 16 patches of 64 px, then 8 x 8 of 32 px; there 34 px begin at most 3 px outside."""
    seen = sees(ScalesCritic(features=2))[:, 0]  # [16 * 16 + 8 * 8, 2, 64, 64]
    assert len(seen) == 16 * 16 + 8 * 8 and not seen[:, 1].any()
    widths = [np.ptp(np.flatnonzero(each.any(axis=0))) + 1 for each in seen[:, 0]]
    assert max(widths[:256]) == 34 and max(widths[256:]) == 62


def test_the_face_critic_sees_the_photo_and_its_parts():
    """The image has 64 px, half the size of the canonical crop."""
    seen = sees(FaceCritic(features=2))[:, 0]  # [5, 2, 64, 64]
    assert not seen[:, 1].any()
    assert seen[0, 0].all()
    for own, ((left, top, width, height), _) in zip(seen[1:, 0], PARTS.values(), strict=True):
        rows, columns = np.flatnonzero(own.any(axis=1)), np.flatnonzero(own.any(axis=0))
        assert (rows[0], rows[-1] + 1) == (top // 2, (top + height) // 2)
        assert (columns[0], columns[-1] + 1) == (left // 2, (left + width) // 2)
