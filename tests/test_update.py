"""One update, however its batch is split: over devices, over time, with inner maps kept or not."""

import jax
import numpy as np
import pytest

from facealign.experiment import create_experiment
from facealign.mesh import everywhere, on_one, split_rows


def run(config, steps=3, stage=-1):
    """The losses of some steps of a stage, and the parameters after them."""
    experiment = create_experiment(config)
    state = everywhere(experiment.mesh, experiment.init())
    losses = []
    for batch in experiment.feed.batches(0, steps):
        chunk = [split_rows(experiment.mesh, batch)]
        state, metrics = experiment.updates[stage](state, experiment.feed.resident, chunk)
        losses.append({name: float(value) for name, value in metrics.items()})
    return losses, jax.device_get({r: n.params for r, n in on_one(state).nets.items()})


def changed(config, **values):
    other = config.copy_and_resolve_references()
    other.update_from_flattened_dict(values)
    return other


def assert_close(ours, same):
    (losses, params), (others, other_params) = ours, same
    for row, other in zip(losses, others, strict=True):
        assert row.keys() == other.keys()
        for name in row:
            np.testing.assert_allclose(row[name], other[name], rtol=1e-4, atol=1e-5, err_msg=name)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=2e-4), params, other_params)


@pytest.fixture(scope="module")
def alone():
    """What one device makes of the adversarial stage, once it is known."""
    return {}


@pytest.mark.parametrize("values", [{"mesh.data": 4}, {"mesh.data": 2, "mesh.model": 2}])
def test_the_number_of_devices_changes_nothing(values, tiny_gan, alone):
    tiny_gan.update_from_flattened_dict({"augment.noise": 0.1, "augment.shift": 2})
    if not alone:
        alone["rows"] = run(tiny_gan)
    assert_close(run(changed(tiny_gan, **values)), alone["rows"])


@pytest.mark.parametrize("values", [{"accumulate": 2}, {"accumulate": 2, "mesh.data": 2}])
def test_parts_of_a_batch_add_up_where_nothing_is_normalized(values, tiny, alone):
    tiny.run = ("mirror",)  # trains a decoder without batch normalization
    if "mirror" not in alone:
        alone["mirror"] = run(tiny)
    assert_close(run(changed(tiny, **values)), alone["mirror"])


def test_parts_of_a_batch_train_all_networks_of_the_game(tiny_gan):
    tiny_gan.accumulate = 2
    tiny_gan.discriminator.r1_weight = 1.0
    tiny_gan.optimizer.ema_decay.encoder = 0.9
    losses, params = run(tiny_gan, steps=1)
    assert np.isfinite(list(losses[0].values())).all()
    before = create_experiment(tiny_gan).init()
    for role, net in before.nets.items():
        moved = jax.tree.map(lambda a, b: np.abs(a - b).max(), params[role], net.params)
        assert max(jax.tree.leaves(moved)) > 0, role


def test_inner_maps_that_are_computed_twice_change_nothing(tiny_gan):
    tiny_gan.run = ("reconstruction",)
    assert_close(run(changed(tiny_gan, **{"model.remat": True})), run(tiny_gan))
