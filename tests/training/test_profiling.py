"""Traces of steps."""

import gzip
import json

import jax.numpy as jnp
from etils import epath

from facealign.training.profiling import SKIPPED, TRACED, profiler


def steps(after_step, count):
    state = jnp.zeros(3)
    for _ in range(count):
        state = state + 1
        after_step(state)
    return state


def test_a_trace_that_perfetto_opens(tmp_path):
    with profiler(epath.Path(tmp_path)) as after_step:
        steps(after_step, SKIPPED + TRACED + 3)
    (trace,) = tmp_path.rglob("perfetto_trace.json.gz")
    with gzip.open(trace) as file:
        assert json.load(file)["traceEvents"]
    assert list(tmp_path.rglob("*.xplane.pb"))  # TensorBoard's


def test_a_run_that_ends_within_the_trace_still_writes_it(tmp_path):
    with profiler(epath.Path(tmp_path)) as after_step:
        steps(after_step, SKIPPED + 1)
    assert list(tmp_path.rglob("perfetto_trace.json.gz"))


def test_a_trace_that_cannot_be_written_is_a_warning(tmp_path, caplog):
    (tmp_path / "profile").touch()
    with profiler(epath.Path(tmp_path / "profile")) as after_step:
        assert steps(after_step, SKIPPED + TRACED + 3)[0] == SKIPPED + TRACED + 3
    assert "training goes on without" in caplog.text


def test_nothing_is_traced_unless_asked_for_and_too_few_steps_are_said(tmp_path, caplog):
    with profiler(None) as after_step:
        steps(after_step, SKIPPED + 1)
    assert not caplog.text
    with profiler(epath.Path(tmp_path)) as after_step:
        steps(after_step, SKIPPED - 1)
    assert "no trace was written" in caplog.text and not list(tmp_path.iterdir())
