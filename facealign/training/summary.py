"""A table of networks: layers, output shapes, parameters."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from facealign.models.apply import Network, apply_network
from facealign.training.state import create_state, input_of

Row = tuple[str, str, str, str]


def summarize(networks: Mapping[str, Network], image_size: int, channels: int = 1) -> str:
    """A table of each network and its layers, with output shapes and counts.

    "trainable" counts parameters. "with statistics" adds the running mean and variance of batch
    normalization, as some frameworks do.
    """
    state = jax.eval_shape(lambda: create_state(networks, jax.random.key(0), image_size, channels))
    image = jax.ShapeDtypeStruct((1, image_size, image_size, channels), jnp.float32)
    code, rows = None, [("network and layer", "output", "trainable", "with statistics")]
    for role, network in sorted(networks.items(), key=lambda item: item[0] != "encoder"):
        net = state.nets[role]
        output, layers = _trace(network, net, input_of(role, image, code))
        if role == "encoder":
            code = output
        rows.append((role, _shapes(output), *_counts(net.params, net.batch_stats)))
        rows += [
            (
                "  " + "/".join(path),
                _shapes(value),
                *_counts(_get(net.params, path), _get(net.batch_stats, path)),
            )
            for path, value in layers.items()
        ]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return "\n".join(
        f"{name:<{widths[0]}}  {shape:<{widths[1]}}  {trainable:>{widths[2]}}  {total:>{widths[3]}}"
        for name, shape, trainable, total in rows
    )


def _trace(network: Network, net: Any, x: Any) -> tuple[Any, dict[tuple[str, ...], Any]]:
    """Shapes of the output of a network and of each of its layers, in the order of the calls."""
    layers: dict[tuple[str, ...], Any] = {}

    def note(call: Any, args: Any, kwargs: Any, context: Any) -> Any:
        output = call(*args, **kwargs)
        if context.module.path and context.method_name == "__call__":
            layers[context.module.path] = output
        return output

    def run(net: Any, x: Any) -> Any:
        with nn.intercept_methods(note):
            return apply_network(network, net, x)

    return jax.eval_shape(run, net, x), layers


def _counts(params: Any, batch_stats: Any) -> tuple[str, str]:
    trainable = sum(leaf.size for leaf in jax.tree.leaves(params))
    statistics = sum(leaf.size for leaf in jax.tree.leaves(batch_stats))
    return f"{trainable:,}", f"{trainable + statistics:,}"


def _get(tree: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        tree = tree.get(name, {})
    return tree


def _shapes(tree: Any) -> str:
    return ", ".join(" x ".join(str(n) for n in leaf.shape[1:]) for leaf in jax.tree.leaves(tree))
