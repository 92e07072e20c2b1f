"""From a batch of photos to images, through one encoder and any decoders."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from facealign.models.apply import Network, apply_network, train_network
from facealign.names import Route
from facealign.training.state import TrainState

# Domain -> float32 [B, H, W, C] in [-1, 1]; the encoder sees `input_DOMAIN` instead, where given.
Batch = Mapping[str, jax.Array]
TrainStep = Callable[[TrainState, Batch, jax.Array], tuple[TrainState, dict[str, jax.Array]]]
# A decoder's outputs, of which the last is the image; of a route to the encoder, the code.
Images = dict[Route, Any]


def forward(
    networks: Mapping[str, Network],
    state: TrainState,
    params: Mapping[str, Any],
    batch: Batch,
    routes: tuple[Route, ...],
    key: jax.Array,
) -> tuple[Images, dict[str, Any], dict[str, jax.Array]]:
    """Encodes every input once and decodes every code by the decoders that it is routed to.

    Args:
      networks: by role.
      state: where weights and running statistics come from.
      params: of the roles that train, in place of the state's.
      batch: the inputs.
      routes: which images to make; a route to the encoder asks for the code.
      key: for the networks' own randomness.

    Returns:
      The images of each route, new running statistics by trained role, penalties [B] by name.
    """
    batch_stats, penalties = {}, {}

    def apply(role: str, x: Any) -> Any:
        output, new_stats, new_penalties = apply_role(networks, state, params, role, x, key)
        batch_stats.update(new_stats)
        penalties.update(new_penalties)
        return output

    # All inputs of a network pass in one batch, so that batch normalization treats them alike.
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
    """The output of one network; arguments and the rest as in `forward`."""
    net = state.nets[role]
    if role not in params:
        return apply_network(networks[role], net, x), {}, {}
    output, batch_stats, penalties = train_network(
        networks[role], params[role], net.batch_stats, x, key
    )
    return output, {role: batch_stats}, penalties


def _split(tree: Any, parts: int) -> list[Any]:
    """Cuts every leaf [parts * B, ...] into trees of leaves [B, ...]."""
    leaves, structure = jax.tree.flatten(tree)
    pieces = zip(*(jnp.split(leaf, parts) for leaf in leaves), strict=True)
    return [jax.tree.unflatten(structure, piece) for piece in pieces]
