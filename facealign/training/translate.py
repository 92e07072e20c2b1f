"""Applies an encoder and a decoder to any number of photos."""

from collections.abc import Callable, Mapping
from functools import partial

import jax
import numpy as np

from facealign.images import in_batches, to_float
from facealign.models.apply import NetState, Network, apply_network
from facealign.names import encoder_of
from facealign.training.state import TrainState, averaged

# (state, images uint8 [N, H, W, 1], decoder) -> images float32 [N, H, W, 1] in [-1, 1]
Translate = Callable[[TrainState, np.ndarray, str], np.ndarray]


def make_translate(networks: Mapping[str, Network]) -> Translate:
    """A function that encodes and decodes images, in batches of one size.

    It compiles once for all decoders of the same architecture.
    """
    kinds = {role: Network(net.module, None, dtype=net.dtype) for role, net in networks.items()}

    @partial(jax.jit, static_argnames="kind")
    def translate_batch(
        encoder: NetState, decoder: NetState, images: jax.Array, kind: Network
    ) -> jax.Array:
        code = apply_network(kinds["encoder"], encoder, to_float(images))
        return apply_network(kind, decoder, code)[-1]

    def translate(state: TrainState, images: np.ndarray, decoder: str) -> np.ndarray:
        nets = averaged(state).nets
        roles = (encoder_of(decoder, nets), decoder)
        own = [nets[role].replace(opt_state={}, ema={}) for role in roles]
        return in_batches(lambda batch: translate_batch(*own, batch, kinds[decoder]), images)

    return translate
