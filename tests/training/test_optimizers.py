"""Adam's first two steps by hand, and the schedules' ends."""

import jax.numpy as jnp
import numpy as np
import pytest

from configs import base
from facealign.errors import UserError
from facealign.training.optimizers import SCHEDULES, create_optimizer

RATE, STEPS = 0.02, 10
MIDDLE_AND_END = {"constant": (RATE, RATE), "linear": (RATE / 2, 0), "cosine": (RATE / 2, 0),
                  "late_linear": (RATE, 0), "warm_cosine": (RATE / 2, 0)}  # fmt: skip


def run_adam(gradients, schedule="constant", steps=STEPS):
    """The update of each step for a parameter that sees these gradients."""
    config = base.get_config().optimizer
    config.schedule = schedule
    optimizer = create_optimizer(config, "encoder", RATE, steps)
    state, updates = optimizer.init(jnp.zeros(())), []
    for gradient in gradients:
        update, state = optimizer.update(jnp.asarray(gradient), state)
        updates.append(float(update))
    return updates


@pytest.mark.parametrize("gradient", [1e-3, -7.0])
def test_the_first_step_has_the_size_of_the_learning_rate(gradient):
    np.testing.assert_allclose(run_adam([gradient]), [-RATE * np.sign(gradient)], rtol=1e-3)


def test_the_second_step_has_the_momenta_of_the_report():
    """m = (0.25 + 1) / 0.75 and v = (0.999 + 4) / 1.999, for gradients 1 and 2."""
    expected = -RATE * (1.25 / 0.75) / np.sqrt(4.999 / 1.999)
    np.testing.assert_allclose(run_adam([1.0, 2.0])[1], expected, rtol=1e-4)


def test_updates_follow_the_schedule():
    updates = run_adam([1.0] * 4, "linear", steps=4)
    np.testing.assert_allclose(updates, -RATE * np.array([1, 0.75, 0.5, 0.25]), rtol=1e-4)


def test_a_late_decay_keeps_the_rate_for_the_first_half():
    updates = run_adam([1.0] * 4, "late_linear", steps=4)
    np.testing.assert_allclose(updates, -RATE * np.array([1, 1, 1, 0.5]), rtol=1e-4)


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_at_their_start_middle_and_end(name):
    schedule = SCHEDULES[name](RATE, STEPS)
    values = [schedule(step) for step in (0, STEPS // 2, STEPS)]
    np.testing.assert_allclose(values, [RATE, *MIDDLE_AND_END[name]], atol=1e-8)


def test_a_negative_rate_of_muon_is_refused():
    config = base.get_config().optimizer
    config.muon.decoder_u = -2.0
    with pytest.raises(UserError, match="decoder_u=-2"):
        create_optimizer(config, "decoder_u", RATE, STEPS)


def test_unknown_schedule_names_the_nearest():
    with pytest.raises(UserError, match="did you mean 'cosine'"):
        run_adam([], "cosin")
