"""A decoder that is asked for a yaw, by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from configs import attgan_pose
from facealign.errors import UserError
from facealign.models.attribute import BINS, attribute_of
from facealign.stages import create_stages
from facealign.training.state import create_networks
from facealign.training.steps.attribute import make_attribute_step
from facealign.training.steps.table import create_step
from tests.by_hand import build, flat

WEIGHTS = {"reconstruction": 100.0, "adversarial": 1.0, "discriminator": 1.0,
           "attribute_fake": 10.0, "attribute_real": 1.0, "gradient_penalty": 10.0}  # fmt: skip
BATCH = {
    "unrestricted": flat(0, 0),
    "restricted": flat(0, 0),
    "yaw_unrestricted": jnp.float32([-45, np.nan]),
    "yaw_restricted": jnp.float32([np.nan, 30]),
}


class Ask(nn.Module):
    """The image as its own code, and frontal as what is asked for."""

    @nn.compact
    def __call__(self, image, train):
        return {"code": image, "attribute": attribute_of(jnp.zeros(len(image)))}


class Add(nn.Module):
    """An image brighter by a thousandth for each degree that is asked for, and by ten more."""

    @nn.compact
    def __call__(self, code, train):
        values = self.param("values", lambda _: (jnp.array(BINS) + 10) / 1000)
        return (code["code"] + (code["attribute"] @ values)[:, None, None, None],)


class Mean(nn.Module):
    """A critic: the mean of the image as the logit, and that times numbers as the attribute's."""

    @nn.compact
    def __call__(self, image, train):
        mean = image.mean(axis=(1, 2, 3))
        slopes = self.param("slopes", nn.initializers.zeros_init(), (len(BINS),))
        return {"logits": mean.reshape(-1, 1, 1, 1), "attribute": mean[:, None] * slopes}


MODULES = {"encoder": Ask(), "decoder_r": Add(), "discriminator": Mean()}


@pytest.fixture(scope="module")
def stepped():
    state, step = build(make_attribute_step, MODULES, tuple(MODULES), "wasserstein", WEIGHTS)
    return state, *step(state, BATCH, jax.random.key(0))


def test_terms_by_hand(stepped):
    """Own yaws -45, unknown, 0 since R is frontal, and 30: they add -35, 0, 10 and 40.

    Fakes have them in another order.
    """
    wanted = {
        "reconstruction": (0.035 + 0 + 0.01 + 0.04) / 4,
        "adversarial": -(-0.035 + 0.01 + 0.04) / 4,
        "discriminator": (-0.035 + 0.01 + 0.04) / 4,
        "attribute_real": 3 / 4 * np.log(len(BINS)),  # three are known, all bins equally likely
        "attribute_fake": 3 / 4 * np.log(len(BINS)),
        "gradient_penalty": (1 / 4 - 1) ** 2,  # 16 px, each with a slope of 1/16
    }
    _, _, terms = stepped
    for name, value in wanted.items():
        np.testing.assert_allclose(terms[name], value, rtol=1e-5, err_msg=name)
    total = sum(WEIGHTS[name] * value for name, value in wanted.items())
    np.testing.assert_allclose(terms["loss"], total, rtol=1e-5)


def test_gradients_of_what_is_asked_for_by_hand(stepped):
    """L1 wants them to add nothing, the critic wants all brighter, whoever is asked."""
    state, new, _ = stepped
    old, now = (s.nets["decoder_r"].params["values"] for s in (state, new))
    wanted = np.zeros(len(BINS))
    for yaw, towards in ((-45, -1), (0, 1), (30, 1)):
        wanted[BINS.index(yaw)] = towards * 100 / 4 - 1 / 4
    np.testing.assert_allclose(old - now, wanted, atol=1e-4)


def test_flips_are_refused_since_yaws_would_be_wrong():
    config = attgan_pose.get_config()
    config.augment.flip = True
    stages = create_stages(config)
    networks = create_networks(config, stages)
    with pytest.raises(UserError, match=r"augment\.flip=True, but the attribute objective"):
        create_step(config, networks, stages[0])
