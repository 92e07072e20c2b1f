"""One update, however its batch is split: over devices, over time, with inner maps kept or not."""

import jax
import numpy as np
import optax
import pytest

from facealign.models.apply import Network
from facealign.parallel.sharding import everywhere, on_one, split_rows
from facealign.training import losses
from facealign.training.compiled_step import accumulate, recording
from facealign.training.experiment import create_experiment
from facealign.training.state import create_state
from facealign.training.steps.adversarial import make_adversarial_step
from facealign.training.steps.gan import GanRules
from tests.by_hand import Mean, Same, Scale, flat

STEPS = 2


@pytest.fixture(scope="module")
def known():
    """States to begin with and what one device makes of them, by stage, once they are known."""
    return {}


def run(config, known):
    """The metrics of some steps of the only stage, and the parameters after them."""
    experiment = create_experiment(config)
    begin = known.setdefault(("begin", *config.run), None) or jax.device_get(experiment.init())
    known["begin", *config.run] = begin
    state, rows = everywhere(experiment.mesh, begin), []
    for batch in experiment.batches.of_steps(0, STEPS):
        chunk = [split_rows(experiment.mesh, batch)]
        state, metrics = experiment.steps[0](state, experiment.batches.resident, chunk)
        rows.append({name: float(value) for name, value in metrics.items()})
    return rows, jax.device_get({role: net.params for role, net in on_one(state).nets.items()})


def assert_same_as_one_device(config, values, known):
    if ("alone", *config.run) not in known:
        known["alone", *config.run] = run(config, known)
    alone, its_params = known["alone", *config.run]
    config.update_from_flattened_dict(values)
    rows, params = run(config, known)
    for row, other in zip(rows, alone, strict=True):
        assert row.keys() == other.keys()
        for name in row:
            np.testing.assert_allclose(row[name], other[name], rtol=1e-4, atol=1e-5, err_msg=name)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=2e-4), params, its_params)


def test_the_number_of_devices_changes_nothing(tiny_gan, known):
    tiny_gan.run = ("reconstruction",)  # normalizes over the whole batch
    tiny_gan.update_from_flattened_dict({"augment.noise": 0.1, "augment.shift": 2})
    assert_same_as_one_device(tiny_gan, {"mesh.data": 2, "mesh.model": 2}, known)


@pytest.mark.parametrize(
    "values", [{"accumulate": 2, "mesh.data": 2}, {"model.remat": True}], ids=["parts", "remat"]
)
def test_parts_that_add_up_and_maps_that_are_computed_twice_change_nothing(values, tiny, known):
    tiny.run = ("mirror",)  # trains a decoder without batch normalization
    assert_same_as_one_device(tiny, values, known)


def test_parts_of_a_batch_update_all_networks_of_the_game(tiny_gan):
    tiny_gan.run, tiny_gan.accumulate = ("adversarial",), 2
    tiny_gan.discriminator.r1_weight = 1.0
    experiment = create_experiment(tiny_gan)
    batch = next(experiment.batches.of_steps(0, 1))
    state, metrics = jax.eval_shape(experiment.steps[0], experiment.like, {}, [batch])
    shapes = [jax.tree.map(lambda s: (s.shape, s.dtype), tree) for tree in (state, experiment.like)]
    assert shapes[0] == shapes[1] and {"adversarial", "discriminator", "r1"} <= set(metrics)


def test_the_game_in_parts_is_the_game():
    """Networks without batch normalization and without chance: gradients of parts add up."""
    modules = {"encoder": Same(), "decoder_r": Scale(0.5), "discriminator": Mean()}
    networks = {role: Network(module, optax.sgd(1.0)) for role, module in modules.items()}
    rules = GanRules(losses.gan_loss("cross_entropy"), 1, lambda images, key: images)
    weights = {"adversarial": 1.0, "discriminator": 1.0, "r1": 1.0}

    def make_step(networks):
        return make_adversarial_step(networks, tuple(modules), weights, rules)

    steps = make_step(networks), accumulate(make_step(recording(networks)), networks, 2)
    batch = {"unrestricted": flat(0.1, 0.2, 0.4, 0.8), "restricted": flat(-0.1, 0.3, 0.5, 0.9)}
    state = create_state(networks, jax.random.key(0), 4)
    whole, parts = (jax.jit(step)(state, batch, jax.random.key(1)) for step in steps)
    for role in ("decoder_r", "discriminator"):
        assert jax.tree.leaves(whole[0].nets[role].params) != jax.tree.leaves(
            state.nets[role].params
        )
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5), whole, parts)
