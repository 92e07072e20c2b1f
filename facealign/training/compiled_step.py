"""Compiles a train step for batches of uint8 images, on any mesh of devices."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax.sharding import Mesh

from facealign.data.augment import augment
from facealign.data.batches import RawBatch, look_up
from facealign.data.rotated_pairs import add_pairs
from facealign.images import to_float
from facealign.models.apply import Network
from facealign.names import DOMAINS
from facealign.parallel.sharding import whole
from facealign.training.state import TrainState, update_networks
from facealign.training.steps.table import TrainStep

# (state, arrays that stay on the device, batches of K steps) -> (state, metrics summed over K)
CompiledStep = Callable[
    [TrainState, Mapping[str, jax.Array], Sequence[RawBatch]],
    tuple[TrainState, dict[str, jax.Array]],
]


def compile_step(
    step: TrainStep, strengths: Any, key: jax.Array, rotated: bool = False, mesh: Mesh | None = None
) -> CompiledStep:
    """Compiles K steps, one after the other, for K batches of uint8 images; sums their metrics.

    Images become floats in [-1, 1], augmented by `strengths`, which is `config.augment`. The
    randomness of each step comes from `key` and its step number. With `rotated`, R's photos also
    come turned, by the "views" among the resident arrays. On a mesh, state and metrics are
    replicated and batches are split over the devices.
    """

    def one(state: TrainState, resident: Mapping[str, jax.Array], batch: RawBatch):
        augment_key, step_key = jax.random.split(jax.random.fold_in(key, state.step))
        found = look_up(resident, batch)
        images = {domain: to_float(found.pop(domain)) for domain in DOMAINS}
        images = augment(images, augment_key, strengths)
        if rotated:
            key_of_pairs = jax.random.fold_in(augment_key, 1)
            images = add_pairs(found | images, resident["views"], key_of_pairs)
        return step(state, found | images, step_key)

    def steps(state: TrainState, resident: Mapping[str, jax.Array], batches: Sequence[RawBatch]):
        if len(batches) == 1:  # on a CPU, a loop body uses one core and is 20 times slower
            return one(state, resident, batches[0])
        stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *batches)
        state, metrics = jax.lax.scan(lambda s, batch: one(s, resident, batch), state, stacked)
        return state, jax.tree.map(lambda metric: metric.sum(axis=0), metrics)

    return jax.jit(steps, donate_argnums=0, out_shardings=mesh and whole(mesh))


def recording(networks: Mapping[str, Network]) -> dict[str, Network]:
    """The networks with an optimizer that changes nothing and keeps the gradient as its state."""
    optimizer = optax.GradientTransformation(
        init=lambda params: (),
        update=lambda gradient, _, params=None: (jax.tree.map(jnp.zeros_like, gradient), gradient),
    )
    return {
        role: network._replace(optimizer=optimizer, ema_decay=0.0)
        for role, network in networks.items()
    }


def accumulate(step: TrainStep, networks: Mapping[str, Network], count: int) -> TrainStep:
    """One update by the mean gradient of `count` parts of a batch; one part at a time is in memory.

    Batch normalization sees a part, not the whole batch. A part has every `count`-th image, so
    that each device has its share of every part.

    Args:
      step: made with `recording(networks)`.
      networks: with the optimizers to use.
      count: number of parts; divides B.
    """

    def part_of(state: TrainState, stats: Mapping[str, Any], part: Any, key: jax.Array):
        """(new statistics, (gradients by role, metrics)) of the images of one part."""
        index, images = part
        nets = {
            role: net.replace(opt_state=(), batch_stats=stats[role])
            for role, net in state.nets.items()
        }
        new, metrics = step(state.replace(nets=nets), images, jax.random.fold_in(key, index))
        gradients = {role: net.opt_state for role, net in new.nets.items() if net.opt_state != ()}
        return {role: net.batch_stats for role, net in new.nets.items()}, (gradients, metrics)

    def whole_step(state: TrainState, batch: Mapping[str, jax.Array], key: jax.Array):
        def add(carry: Any, part: Any):
            stats, sums = carry
            stats, found = part_of(state, stats, part, key)
            return (stats, jax.tree.map(jnp.add, sums, found)), None

        parts = jax.tree.map(lambda x: x.reshape(-1, count, *x.shape[1:]).swapaxes(0, 1), batch)
        parts = (jnp.arange(count), parts)
        stats = {role: net.batch_stats for role, net in state.nets.items()}
        first = jax.tree.map(lambda x: x[0], parts)
        _, shapes = jax.eval_shape(part_of, state, stats, first, key)
        zeros = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes)
        (stats, sums), _ = jax.lax.scan(add, (stats, zeros), parts)
        gradients, metrics = jax.tree.map(lambda x: x / count, sums)
        return update_networks(networks, state, gradients, stats), metrics

    return whole_step
