"""How many workers are of use."""

import pytest

from facealign.parallel import machine


@pytest.mark.parametrize(
    ("cores", "memory", "tasks", "count"),
    [(32, 4000.0, 9999, 8), (2, 64e3, 9999, 2), (8, None, 3, 3), (8, 100.0, 9, 1), (4, 9e9, 0, 1)],
)
def test_so_many_workers_as_are_of_use(cores, memory, tasks, count):
    assert machine.count_workers(cores, memory, tasks) == count


def test_free_memory_is_what_the_container_has_left(tmp_path, monkeypatch):
    free = machine.free_memory()
    monkeypatch.setattr(machine, "CONTAINER", tmp_path)
    (tmp_path / "memory.current").write_text(f"{2**30}\n")
    (tmp_path / "memory.max").write_text(f"{2**30 + 2**20}\n")
    assert machine.free_memory() == 1.0
    (tmp_path / "memory.max").write_text("max\n")
    assert free is None or machine.free_memory() > 1.0
