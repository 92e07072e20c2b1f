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
    """Yields a function to call with the state after every step; no folder, no trace.

    A trace that cannot be written is a warning.
    """
    calls, tracing = 0, False

    def start() -> None:
        nonlocal tracing
        with _warning(folder):
            folder.mkdir(parents=True, exist_ok=True)
            jax.profiler.start_trace(folder, create_perfetto_trace=True)
            tracing = True

    def stop() -> None:
        nonlocal tracing
        tracing = False
        with _warning(folder):
            jax.profiler.stop_trace()
            logging.info("wrote a trace of %d steps to %s", calls - SKIPPED, folder)

    def after_step(state: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == SKIPPED:
            jax.block_until_ready(state)
            start()
        elif tracing and calls == SKIPPED + TRACED:
            jax.block_until_ready(state)
            stop()

    try:
        yield after_step if folder else lambda _: None
    finally:
        if tracing:
            stop()
        elif folder and calls < SKIPPED:
            logging.warning("no trace was written: it begins after step %d of a run", SKIPPED)


@contextlib.contextmanager
def _warning(folder: epath.Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # of many types, by JAX's version
        logging.warning("no trace in %s, training goes on without: %s", folder, error)
