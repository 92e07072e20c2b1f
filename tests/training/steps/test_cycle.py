"""Two translators that undo each other, by hand."""

import jax
import numpy as np
import pytest
from etils import epath

from facealign.models.image_pool import ImagePool
from facealign.names import encoder_of
from facealign.training.checkpoints import Checkpoints
from facealign.training.steps.cycle import make_cycle_step
from tests.by_hand import Mean, Same, Scale, build, flat

A, B = 0.5, 1.25  # what U's photos, and R's, are multiplied by
U, R = 0.5, -0.25
MODULES = {"encoder": Same(), "encoder_r": Same(), "decoder_u": Scale(B), "decoder_r": Scale(A),
           "discriminator": Mean(), "discriminator_u": Mean()}  # fmt: skip
WEIGHTS = {"cycle": 10.0, "reconstruction": 5.0, "adversarial": 1.0, "discriminator": 2.0}
BATCH = {"unrestricted": flat(U, U), "restricted": flat(R, R)}


def step_once(train=tuple(MODULES), weights=WEIGHTS):
    state, step = build(make_cycle_step, MODULES, train, "least_squares", weights)
    return state, *step(state, BATCH, jax.random.key(0))


def gradient(state, new, role, name):
    return state.nets[role].params[name] - new.nets[role].params[name]


def test_terms_by_hand():
    _, _, terms = step_once()
    wanted = {
        "cycle": abs(A * B * U - U) + abs(A * B * R - R),
        "reconstruction": abs(A * R - R) + abs(B * U - U),
        "adversarial": (A * U - 1) ** 2 + (B * R - 1) ** 2,
        "discriminator": ((R - 1) ** 2 + (A * U) ** 2 + (U - 1) ** 2 + (B * R) ** 2) / 2,
    }
    for name, value in wanted.items():
        np.testing.assert_allclose(terms[name], value, rtol=1e-6, err_msg=name)
    total = sum(WEIGHTS[name] * value for name, value in wanted.items())
    np.testing.assert_allclose(terms["loss"], total, rtol=1e-6)
    assert terms["accuracy_real"] == 0  # R and U are no more than 1/2
    assert terms["accuracy_fake"] == 1


def test_gradients_by_hand():
    """A B < 1, A < 1 and B > 1, which says where each L1 goes down."""
    state, new, _ = step_once()
    of_a = -10 * B * (U - R) - 5 * -R + 2 * (A * U - 1) * U
    of_b = -10 * A * (U - R) + 5 * U + 2 * (B * R - 1) * R
    np.testing.assert_allclose(gradient(state, new, "decoder_r", "scale"), of_a, rtol=1e-6)
    np.testing.assert_allclose(gradient(state, new, "decoder_u", "scale"), of_b, rtol=1e-6)
    of_critic = WEIGHTS["discriminator"] * ((R - 1) + A * U)
    np.testing.assert_allclose(
        gradient(state, new, "discriminator", "offset"), of_critic, rtol=1e-6
    )


def test_what_does_not_train_stays():
    state, new, terms = step_once(("discriminator_u",), {"discriminator": 1.0})
    assert gradient(state, new, "discriminator_u", "offset") != 0
    for role in ("decoder_u", "decoder_r", "discriminator"):
        jax.tree.map(np.testing.assert_array_equal, state.nets[role], new.nets[role])
    assert "cycle" not in terms


@pytest.fixture
def pooled():
    modules = MODULES | {"pool_u": ImagePool(2), "pool_r": ImagePool(2)}
    return build(make_cycle_step, modules, tuple(modules), "least_squares", WEIGHTS)


def test_critics_learn_from_the_pool_and_translators_from_the_fakes(pooled):
    """Two fakes fill it; of the two of the next step, each may be shown in place of an old one."""
    state, step = pooled
    state, _ = step(state, BATCH, jax.random.key(0))
    a = float(state.nets["decoder_r"].params["scale"])
    kept = state.nets["pool_r"].batch_stats["fakes"][:, 0, 0, 0]
    np.testing.assert_allclose(kept, A * U, rtol=1e-6)
    seen = set()
    for seed in range(12):
        _, terms = step(state, BATCH, jax.random.key(seed))
        seen.add(round(float(terms["discriminator"]), 4))
        b = float(state.nets["decoder_u"].params["scale"])
        critics = [
            float(state.nets[r].params["offset"]) for r in ("discriminator_u", "discriminator")
        ]
        wanted = (b * R + critics[0] - 1) ** 2 + (a * U + critics[1] - 1) ** 2
        np.testing.assert_allclose(terms["adversarial"], wanted, rtol=1e-4)
    assert len(seen) > 3  # none, one or two exchanged, in each pool


def test_the_pool_is_a_function_of_state_and_key(pooled):
    state, step = pooled
    state, _ = step(state, BATCH, jax.random.key(0))
    one, other = (step(state, BATCH, jax.random.key(5))[0] for _ in range(2))
    jax.tree.map(np.testing.assert_array_equal, one, other)


def test_a_pool_goes_through_a_checkpoint_and_on_to_the_same_numbers(pooled, tmp_path):
    state, step = pooled
    state, _ = step(state, BATCH, jax.random.key(0))
    with Checkpoints(epath.Path(tmp_path)) as checkpoints:
        checkpoints.save(state, {})
        restored = checkpoints.restore(state)
    whole, parts = (step(each, BATCH, jax.random.key(1)) for each in (state, restored))
    jax.tree.map(np.testing.assert_array_equal, whole, parts)
    assert whole[0].nets["pool_r"].batch_stats["filled"].sum() == 2


def test_u_s_decoder_belongs_to_r_s_encoder_where_there_is_one():
    assert encoder_of("decoder_u", MODULES) == "encoder_r"
    assert encoder_of("decoder_r", MODULES) == "encoder"
    assert encoder_of("decoder_u", ("encoder", "decoder_u")) == "encoder"
