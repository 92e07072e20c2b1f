"""A cache is read when it is whole and new, and built again when it is not."""

import numpy as np
import pytest
from absl import logging

from facealign.data import cache


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (50, 16, 16, 1), dtype=np.uint8)
    return {"image": images, "subject": np.array(["ä", "bb"] * 25), "yaw": np.full(50, np.nan)}


class Builder:
    """Counts how often it is asked."""

    def __init__(self, arrays):
        self.arrays, self.calls = arrays, 0

    def __call__(self):
        self.calls += 1
        return self.arrays


def check(found, arrays):
    assert set(found) == set(arrays)
    for name, values in arrays.items():
        np.testing.assert_array_equal(found[name], values)
        assert found[name].dtype == values.dtype


def test_what_was_built_is_read_again_by_memory_map(arrays, tmp_path):
    build = Builder(arrays)
    for _ in range(3):
        found = cache.load_or_build(tmp_path / "cache", "key", build)
        check(found, arrays)
        assert isinstance(found["image"].base, np.memmap) and not found["image"].flags.writeable
    assert build.calls == 1
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]


def test_another_key_is_another_content(arrays, tmp_path):
    cache.load_or_build(tmp_path / "cache", "old", Builder(arrays))
    other = {name: values[::2] for name, values in arrays.items()}
    build = Builder(other)
    for _ in range(2):
        check(cache.load_or_build(tmp_path / "cache", "new", build), other)
    assert build.calls == 1


@pytest.mark.parametrize("name", ["image.npy", "fields.npz"])
@pytest.mark.parametrize("left", [0, 10, 100, -1, None])
def test_a_damaged_cache_is_built_again(arrays, tmp_path, name, left):
    """`left`: how many of the bytes are left; None: the file is gone."""
    cache.load_or_build(tmp_path / "cache", "key", Builder(arrays))
    file = tmp_path / "cache" / name
    if left is None:
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:left])
    build = Builder(arrays)
    for _ in range(2):
        check(cache.load_or_build(tmp_path / "cache", "key", build), arrays)
    assert build.calls == 1


def test_a_process_killed_while_it_writes_leaves_no_cache(arrays, tmp_path, monkeypatch):
    def killed(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("os.replace", killed)
        patch.setattr("shutil.rmtree", lambda *args, **kwargs: None)  # nor is anything tidied up
        with pytest.raises(KeyboardInterrupt):
            cache.load_or_build(tmp_path / "cache", "key", Builder(arrays))
    build = Builder(arrays)
    check(cache.load_or_build(tmp_path / "cache", "key", build), arrays)
    assert build.calls == 1


def test_a_folder_that_cannot_be_written_costs_a_line(arrays, tmp_path, caplog):
    (tmp_path / "file").write_text("")
    with caplog.at_level(logging.WARNING):
        check(cache.load_or_build(tmp_path / "file" / "cache", "key", Builder(arrays)), arrays)
    assert len(caplog.records) == 1 and "decoded at every start" in caplog.text
