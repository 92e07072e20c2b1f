"""The devices of a run as a mesh, and the placement of arrays on it.

A batch is split over the axis "data"; everything else is replicated on every device. XLA partitions
the step (`jax.jit` with shardings), so that it is written as for one device: sums, and the
statistics of batch normalization, cover the whole batch.
"""

from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from facealign.errors import UserError

AXIS = "data"  # axis of the mesh, over which batches are split


def create_mesh(config: Any) -> Mesh:
    """The mesh that `config.mesh` asks for; by default, of all devices.

    Raises:
      UserError: more devices than there are, not all devices of several processes, or a batch
        that cannot be split over them.
    """
    devices = jax.devices()
    data = config.mesh.data or len(devices)
    several = jax.process_count() > 1
    if data > len(devices) or (several and data < len(devices)):
        raise UserError(
            f"config.mesh.data={data}, but there are {len(devices)} devices"
            + several * f" in {jax.process_count()} processes, which must all take part"
            + "; set it to 0 to use all"
        )
    parts = data * config.accumulate
    if config.data.batch_size % parts:
        raise UserError(
            f"config.data.batch_size={config.data.batch_size} cannot be split over {data} devices "
            f"in config.accumulate={config.accumulate} parts; choose a multiple of {parts}, or "
            "fewer devices by config.mesh.data"
        )
    return jax.make_mesh((data,), (AXIS,), axis_types=(AxisType.Auto,), devices=devices[:data])


def own_rows(mesh: Mesh, count: int) -> np.ndarray:
    """Rows of a batch of `count` that belong to the devices of this process, ascending."""
    places = _split(mesh).addressable_devices_indices_map((count,)).values()
    return np.unique(np.concatenate([np.arange(count)[place] for place in places]))


def split_rows(mesh: Mesh, tree: Any) -> Any:
    """Splits arrays over the devices along their first axis, from this process's rows."""
    sharding = _split(mesh)
    if not mesh.is_multi_process:
        return jax.device_put(tree, sharding)
    return jax.tree.map(lambda x: jax.make_array_from_process_local_data(sharding, x), tree)


def everywhere(mesh: Mesh, tree: Any) -> Any:
    """Replicates arrays on every device; every process has to pass the same ones."""
    sharding = whole(mesh)
    if not mesh.is_multi_process:
        return jax.device_put(tree, sharding)

    def place(leaf: Any) -> jax.Array:
        own = np.asarray(leaf)
        return jax.make_array_from_callback(own.shape, sharding, lambda index: own[index])

    return jax.tree.map(place, tree)


def whole(mesh: Mesh) -> NamedSharding:
    """The sharding of replicated arrays."""
    return NamedSharding(mesh, PartitionSpec())


def on_one(tree: Any) -> Any:
    """The same arrays on one device of this process; nothing is copied."""
    return jax.tree.map(lambda leaf: leaf.addressable_data(0), tree)


def _split(mesh: Mesh) -> NamedSharding:
    return NamedSharding(mesh, PartitionSpec(AXIS))
