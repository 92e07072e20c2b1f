"""Worker processes: their threads and imports."""

import os
import sys
import time

from facealign.faces import workers


def inspect_worker(_: int) -> tuple[int, str | None, set[str]]:
    """Process id, number of BLAS threads and imported modules of the worker that runs this."""
    time.sleep(0.5)  # so that every worker runs at least one call
    return os.getpid(), os.environ.get(workers.BLAS_THREADS), set(sys.modules)


def test_workers_have_one_thread_and_do_not_import_jax(monkeypatch):
    monkeypatch.delenv(workers.BLAS_THREADS, raising=False)
    with workers.start_pool(None) as pool:
        found = list(pool.map(inspect_worker, range(2 * workers.cores())))
        assert 20 < workers.peak_memory_of_workers() < 150  # MB; this process has JAX, and more
    assert len({process for process, *_ in found}) == workers.cores()
    for _, threads, modules in found:
        assert threads == "1"
        assert not modules & {"jax", "tensorflow_datasets"}
    assert workers.BLAS_THREADS not in os.environ
