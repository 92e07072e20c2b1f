"""The forward pass of a train step: photos through one encoder and any decoders."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from facealign.models.apply import Network, apply_network, train_network
from facealign.names import Route
from facealign.training.state import TrainState

# Domain -> float32 [B, H, W, C] in [-1, 1]. The encoder reads `input_DOMAIN` instead, if present.
Batch = Mapping[str, jax.Array]
TrainStep = Callable[[TrainState, Batch, jax.Array], tuple[TrainState, dict[str, jax.Array]]]
# Route -> a decoder's outputs, the last one the image; for a route to the encoder, the code.
Images = dict[Route, Any]


def forward(
    networks: Mapping[str, Network],
    state: TrainState,
    params: Mapping[str, Any],
    batch: Batch,
    routes: tuple[Route, ...],
    key: jax.Array,
) -> tuple[Images, dict[str, Any], dict[str, jax.Array]]:
    """Encodes each input once and decodes each code with the decoders of its routes.

    Args:
      networks: by role.
      state: weights and running statistics.
      params: weights of the roles that train; they replace the state's.
      batch: input images.
      routes: which images to make; a route to the encoder returns the code.
      key: for random layers.

    Returns:
      Images by route, new running statistics by trained role, penalties [B] by name.
    """
    batch_stats, penalties = {}, {}

    def apply(role: str, x: Any) -> Any:
        output, new_stats, new_penalties = apply_role(networks, state, params, role, x, key)
        batch_stats.update(new_stats)
        penalties.update(new_penalties)
        return output

    # One batch per network, so that batch normalization uses the same statistics for all inputs.
    domains = tuple(dict.fromkeys(domain for domain, _ in routes))
    seen = [batch.get(f"input_{domain}", batch[domain]) for domain in domains]
    code = apply("encoder", jnp.concatenate(seen))
    codes = dict(zip(domains, _split(code, len(domains)), strict=True))
    images = {(domain, to): codes[domain] for domain, to in routes if to == "encoder"}
    for decoder in dict.fromkeys(to for _, to in routes if to != "encoder"):
        inputs = [domain for domain, to in routes if to == decoder]
        parts = [codes[domain] for domain in inputs]
        outputs = apply(decoder, jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *parts))
        for domain, output in zip(inputs, _split(outputs, len(inputs)), strict=True):
            images[domain, decoder] = output
    return images, batch_stats, penalties


def apply_role(
    networks: Mapping[str, Network],
    state: TrainState,
    params: Mapping[str, Any],
    role: str,
    x: Any,
    key: jax.Array,
) -> tuple[Any, dict[str, Any], dict[str, jax.Array]]:
    """Applies one network. Arguments, statistics and penalties as in `forward`."""
    net = state.nets[role]
    if role not in params:
        return apply_network(networks[role], net, x), {}, {}
    output, batch_stats, penalties = train_network(
        networks[role], params[role], net.batch_stats, x, key
    )
    return output, {role: batch_stats}, penalties


def _split(tree: Any, parts: int) -> list[Any]:
    """Splits a tree of leaves [parts * B, ...] into `parts` trees of leaves [B, ...]."""
    leaves, structure = jax.tree.flatten(tree)
    pieces = zip(*(jnp.split(leaf, parts) for leaf in leaves), strict=True)
    return [jax.tree.unflatten(structure, piece) for piece in pieces]
