"""Worker processes: what they compute with, and what they import."""

import os
import sys
import time

from facealign.faces import workers


def look_around(_: int) -> tuple[int, str | None, set[str]]:
    """Of a worker process: its number, how many threads its BLAS has, what it imported."""
    time.sleep(0.5)  # so that every process gets one of these
    return os.getpid(), os.environ.get(workers.BLAS_THREADS), set(sys.modules)


def test_every_worker_computes_in_one_thread_and_has_no_jax(monkeypatch):
    monkeypatch.delenv(workers.BLAS_THREADS, raising=False)
    with workers.start_pool(None) as pool:
        found = list(pool.map(look_around, range(2 * workers.cores())))
    assert len({process for process, *_ in found}) == workers.cores()
    for _, threads, modules in found:
        assert threads == "1"
        assert not modules & {"jax", "tensorflow_datasets"}
    assert workers.BLAS_THREADS not in os.environ
