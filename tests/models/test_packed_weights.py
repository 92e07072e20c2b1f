"""Packed weights: only precision is lost, and wrong files are refused."""

import jax
import numpy as np
import pytest
from etils import epath

from configs import frontalize
from facealign.errors import UserError
from facealign.models.apply import apply_network
from facealign.models.packed_weights import load_weights, save_weights
from facealign.stages import create_stages
from facealign.training.experiment import take_networks
from facealign.training.state import averaged, create_networks, create_state

SHIPPED = "weights/frontalize.safetensors"


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    config = frontalize.get_config()
    config.data.image_size = 64
    config.data.manual_dir = "/somewhere/else"
    stages = create_stages(config)
    networks = create_networks(config, stages)
    state = jax.jit(lambda key: create_state(networks, key, 64))(jax.random.key(0))
    path = epath.Path(tmp_path_factory.mktemp("weights") / "w.safetensors")
    save_weights(path, config, int(state.step), averaged(state).nets)
    return path, networks, state


def test_packed_weights_give_nearly_the_same_images(saved):
    path, networks, state = saved
    config, _, nets = load_weights(path)
    photos = jax.random.uniform(jax.random.key(1), (2, 64, 64, 1), minval=-1)

    @jax.jit
    def frontal(nets):
        code = apply_network(networks["encoder"], nets["encoder"], photos)
        return apply_network(networks["decoder_r"], nets["decoder_r"], code)[-1]

    np.testing.assert_allclose(frontal(nets), frontal(averaged(state).nets), atol=0.02)
    assert config.model.name == "warp"
    assert config.data.manual_dir == ""
    assert path.stat().length < 6e6


def test_a_run_can_start_from_packed_weights(saved):
    path, _, state = saved
    config = frontalize.get_config()
    config.init_from = str(path)
    fresh = jax.tree.map(np.zeros_like, state)
    taken = take_networks(config, fresh)
    for role, net in load_weights(path).nets.items():
        jax.tree.map(np.testing.assert_array_equal, taken.nets[role].params, net.params)
        jax.tree.map(np.testing.assert_array_equal, taken.nets[role].ema, net.params)
        assert jax.tree.all(jax.tree.map(lambda leaf: not np.any(leaf), taken.nets[role].opt_state))


def test_a_run_without_a_decoder_of_r_cannot_be_packed(saved, tmp_path):
    _, _, state = saved
    alone = {"encoder": state.nets["encoder"]}
    with pytest.raises(UserError, match="can neither make frontal photos, nor read heads"):
        save_weights(epath.Path(tmp_path) / "w.safetensors", frontalize.get_config(), 0, alone)


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b"no weights", None])
def test_the_error_names_a_wrong_file(saved, tmp_path, damage):
    path = epath.Path(tmp_path / "wrong.safetensors")
    if damage:
        path.write_bytes(damage(saved[0].read_bytes()))
    with pytest.raises(UserError, match=r"wrong\.safetensors"):
        load_weights(path)


def test_the_packed_weights_of_the_repository_fit_the_networks():
    config, _, nets = load_weights(epath.Path(__file__).parents[2] / SHIPPED)
    stages = create_stages(config)
    networks = create_networks(config, stages)
    fresh = jax.eval_shape(lambda: create_state(networks, jax.random.key(0), 128))
    for role, net in nets.items():
        expected = fresh.nets[role].params, fresh.nets[role].batch_stats
        shapes = jax.tree.map(np.shape, (net.params, net.batch_stats))
        assert shapes == jax.tree.map(np.shape, expected)
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(net.params))
