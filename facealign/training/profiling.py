"""A trace of some steps of a run, for TensorBoard's profiler or Perfetto (ui.perfetto.dev)."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import jax
from absl import logging
from etils import epath

SKIPPED, TRACED = 10, 10  # calls of a step: for warm-up, then in the trace


@contextlib.contextmanager
def profiler(folder: epath.Path | None) -> Iterator[Callable[[Any], None]]:
    """Yields a function to call with the state after every step; no folder, no trace."""
    calls, tracing = 0, False

    def after_step(state: Any) -> None:
        nonlocal calls, tracing
        calls += 1
        if calls == SKIPPED:
            jax.block_until_ready(state)
            jax.profiler.start_trace(folder, create_perfetto_trace=True)
            tracing = True
        elif tracing and calls == SKIPPED + TRACED:
            jax.block_until_ready(state)
            jax.profiler.stop_trace()
            tracing = False
            logging.info("wrote a trace of %d steps to %s", TRACED, folder)

    try:
        yield after_step if folder else lambda _: None
    finally:
        if tracing:
            jax.profiler.stop_trace()
        elif folder and calls < SKIPPED:
            logging.warning("no trace was written: it begins after step %d of a run", SKIPPED)
