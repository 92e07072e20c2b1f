"""One run in several processes: how they join, agree, and end together.

Each process runs the same program on its own devices. Only the first one, number 0, writes the
files of the run.
"""

import os
import sys
import time
import zlib
from collections.abc import Callable
from typing import Any, TypeVar

import jax
import numpy as np
from jax.experimental import multihost_utils

from facealign.errors import UserError

HEARTBEAT = 80  # seconds without a heartbeat after which a process counts as lost
LONGEST = 2000  # bytes of an error that are sent to the other processes

Value = TypeVar("Value")


def join(coordinator: str, count: int, index: int) -> None:
    """Joins the processes of a run; with "", 0 and -1 the cluster gives these values.

    Args:
      coordinator: HOST:PORT of the first process.
      count: number of processes.
      index: of this process.

    Raises:
      UserError: the other processes are unknown. If they do not join, JAX aborts: see
        `cli.supervisor`.
    """
    own = (coordinator, count, index) if coordinator else (None, None, None)
    os.environ["grpc_proxy"] = ""  # what this program says to itself is for no proxy
    jax.config.update("jax_check_proxy_envs", False)  # which would warn of them all the same
    try:
        jax.distributed.initialize(*own, heartbeat_timeout_seconds=HEARTBEAT)
    except (ValueError, TypeError, RuntimeError, OSError) as error:
        raise UserError(
            f"--distributed: cannot join the other processes ({error}); outside of SLURM, TPU pods "
            "and the like give --coordinator=HOST:PORT of the first process, --num_processes and "
            "--process_id, from 0, and start all processes within five minutes"
        ) from error


def leave(code: int) -> None:
    """Ends a process that cannot go on, without waiting for the others."""
    sys.stdout.flush()
    sys.stderr.flush()
    if is_first():  # its end stops the others, which may still print an error
        time.sleep(2)
    os._exit(code)


def is_first() -> bool:
    """Whether this process is the first or only one, which writes the files of the run."""
    return jax.process_index() == 0


def on_first(make: Callable[[], Value]) -> Value | None:
    """`make()` in the first process, None in all others.

    Raises:
      UserError: in every process, if the first one raises it.
    """
    value, error = _attempt(make) if is_first() else (None, None)
    _raise_together(error)
    return value


def first_then_others(make: Callable[[], Value]) -> Value:
    """`make()` in the first process, then in all others, which find its files on a shared disk.

    Raises:
      UserError: in every process, if one raises it.
    """
    value = on_first(make)
    if jax.process_count() > 1:
        error = None
        if not is_first():
            value, error = _attempt(make)
        _raise_together(error)
    return value


def must_match(what: str, content: bytes | np.ndarray) -> None:
    """Raises `UserError` in every process unless all have the same content."""
    if jax.process_count() > 1:
        sums = multihost_utils.process_allgather(np.uint32(zlib.crc32(content)))
        if len(set(sums.tolist())) > 1:
            raise UserError(f"{what} of the {len(sums)} processes differ; give all the same")


def from_first(tree: Any, like: Any) -> Any:
    """The first process's tree of arrays in every process, bit by bit, as numpy arrays.

    Args:
      tree: of the first process; ignored in others.
      like: its `jax.eval_shape`.
    """
    if jax.process_count() == 1:
        return tree
    shapes, structure = jax.tree.flatten(like)
    sizes = [shape.size * shape.dtype.itemsize for shape in shapes]
    own = np.zeros(sum(sizes), np.uint8)
    if is_first():
        leaves = [np.ascontiguousarray(leaf).reshape(-1) for leaf in jax.tree.leaves(tree)]
        own = np.concatenate([leaf.view(np.uint8) for leaf in leaves])
    every = np.split(multihost_utils.broadcast_one_to_all(own), np.cumsum(sizes)[:-1])
    return jax.tree.unflatten(
        structure,
        [
            part.copy().view(shape.dtype).reshape(shape.shape)
            for part, shape in zip(every, shapes, strict=True)
        ],
    )


def _attempt(make: Callable[[], Value]) -> tuple[Value | None, UserError | None]:
    try:
        return make(), None
    except UserError as error:
        if jax.process_count() == 1:
            raise
        return None, error


def _raise_together(error: UserError | None) -> None:
    """Raises an error of any process in all processes."""
    if jax.process_count() == 1:
        return
    text = np.zeros(LONGEST, np.uint8)
    own = np.frombuffer(str(error or "").encode()[:LONGEST], np.uint8)
    text[: len(own)] = own
    for process, row in enumerate(multihost_utils.process_allgather(text)):
        message = row.tobytes().rstrip(b"\0").decode(errors="replace")
        if message:
            raise error or UserError(f"process {process}: {message}")
