"""One run in several processes: how they join, agree, and end together.

Each process runs the same program on its own devices. The first of them, number 0, alone writes
what the run leaves behind.
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

HEARTBEAT = 80  # seconds without a sign of life after which a process counts as gone
LONGEST = 2000  # bytes of an error that the others are told

Value = TypeVar("Value")


def join(coordinator: str, count: int, index: int) -> None:
    """Joins the processes of a run; with "", 0 and -1 the cluster says who they are.

    Args:
      coordinator: HOST:PORT of the first process.
      count: of processes.
      index: of this one.

    Raises:
      UserError: nobody says who the others are. Where they do not come, JAX aborts: see `guard`.
    """
    own = (coordinator, count, index) if coordinator else (None, None, None)
    try:
        jax.distributed.initialize(*own, heartbeat_timeout_seconds=HEARTBEAT)
    except (ValueError, TypeError, RuntimeError, OSError) as error:
        raise UserError(
            f"--distributed: cannot join the other processes ({error}); outside of SLURM, TPU pods "
            "and the like give --coordinator=HOST:PORT of the first process, --num_processes and "
            "--process_id, from 0, and start all processes within five minutes"
        ) from error


def leave(code: int) -> None:
    """Ends one of several processes that cannot go on, without waiting for the others."""
    sys.stdout.flush()
    sys.stderr.flush()
    if is_first():  # whose end ends all others, who may have something to say of their own
        time.sleep(2)
    os._exit(code)


def is_first() -> bool:
    """Whether this process writes what the run leaves behind; true where there is one alone."""
    return jax.process_index() == 0


def on_first(make: Callable[[], Value]) -> Value | None:
    """`make()` in the first process, None in all others.

    Raises:
      UserError: in every process, where the first one raises it.
    """
    value, error = _attempt(make) if is_first() else (None, None)
    _raise_together(error)
    return value


def first_then_others(make: Callable[[], Value]) -> Value:
    """`make()` in the first process, then in all others, who find on a shared disk what it left.

    Raises:
      UserError: in every process, where one raises it.
    """
    value = on_first(make)
    if jax.process_count() > 1:
        error = None
        if not is_first():
            value, error = _attempt(make)
        _raise_together(error)
    return value


def must_match(what: str, content: bytes | np.ndarray) -> None:
    """Raises `UserError` in every process, unless all have the same content."""
    if jax.process_count() > 1:
        sums = multihost_utils.process_allgather(np.uint32(zlib.crc32(content)))
        if len(set(sums.tolist())) > 1:
            raise UserError(f"{what} of the {len(sums)} processes differ; give all the same")


def from_first(tree: Any, like: Any) -> Any:
    """The first process's tree of arrays in every process, bit by bit, as numpy arrays.

    Args:
      tree: what the first process has; not looked at in others.
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
    """Raises the error of any process in all of them."""
    if jax.process_count() == 1:
        return
    text = np.zeros(LONGEST, np.uint8)
    said = np.frombuffer(str(error or "").encode()[:LONGEST], np.uint8)
    text[: len(said)] = said
    for process, row in enumerate(multihost_utils.process_allgather(text)):
        told = row.tobytes().rstrip(b"\0").decode(errors="replace")
        if told:
            raise error or UserError(f"process {process}: {told}")
