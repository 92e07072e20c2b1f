"""The table of networks, layers and parameters."""

import jax

from configs import reader
from facealign.stages import create_stages
from facealign.training.state import create_networks, create_state
from facealign.training.summary import summarize


def test_the_code_critic_is_traced_on_a_code(tiny_gan):
    tiny_gan.stages.adversarial.train += ("code_critic",)
    tiny_gan.stages.adversarial.loss_weights.update(code=0.1, code_critic=1.0)
    networks = create_networks(tiny_gan, create_stages(tiny_gan))
    lines = summarize(networks, 32).splitlines()
    assert any(line.startswith("code_critic") and " 1 " in line for line in lines), lines


def test_layers_are_in_the_order_of_their_calls_and_add_up(tiny):
    networks = create_networks(tiny, create_stages(tiny))
    rows = [line.split("  ") for line in summarize(networks, 32).splitlines()]
    names = [row[1] for row in rows if row[0] == ""]
    assert names[:3] == ["Conv_0", "BatchNorm_0", "Conv_1"]
    state = jax.eval_shape(lambda: create_state(networks, jax.random.key(0), 32))
    total = sum(leaf.size for leaf in jax.tree.leaves(state.nets["encoder"].params))
    encoder = next(row for row in rows if row[0] == "encoder")
    assert f"{total:,}" in [cell.strip() for cell in encoder]


def test_a_reader_is_summarized_by_its_windows():
    config = reader.get_config()
    networks = create_networks(config, create_stages(config))
    text = summarize(networks, config.data.image_size, config.data.channels)
    assert "reader" in text and "3,132,587" in text
