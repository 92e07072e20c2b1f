"""Paths of any kind: what a run writes into a bucket can be read back from it."""

import importlib.util
import io
import json
import pwd
import shutil
import tempfile
from pathlib import Path

import fsspec
import numpy as np
import pytest
from etils import epath
from PIL import Image

from facealign.data.load import load_examples
from facealign.errors import UserError
from facealign.paths import cache_folder, is_local, open_path, write_whole
from facealign.training.checkpoints import Checkpoints
from facealign.workdir.config import check_continuation, flatten, load_config, make_workdir
from facealign.workdir.figures import plot_curves, plot_fetch_times
from facealign.workdir.log import RunLog, read_fetch_times, read_rows
from facealign.workdir.report import write_report
from tests import bucket


@pytest.fixture
def workdir():
    if importlib.util.find_spec("tensorflow"):
        pytest.skip("epath would open buckets with TensorFlow")
    bucket.register()
    path = open_path("s3://bucket/runs/first", "--workdir")
    yield path
    bucket.Bucket.store.clear()


def row(step):
    return {"step": step, "stage": "a", "loss": 1 / step, "timing": {"step_ms": 2.0}}


def test_who_has_no_home_gets_a_temporary_cache_and_a_true_reason(monkeypatch):
    def nobody(_):
        raise KeyError("getpwuid(): uid not found")

    monkeypatch.delenv("HOME")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(pwd, "getpwuid", nobody)
    assert cache_folder().parent == Path(tempfile.gettempdir())
    with pytest.raises(UserError, match="data_dir=~/x: this user has no home folder"):
        open_path("~/x", "config.data.data_dir")


def test_a_bucket_is_not_local(workdir, tmp_path):
    assert str(workdir) == "s3://bucket/runs/first"
    assert not is_local(workdir) and is_local(tmp_path) and is_local(epath.Path("runs/x"))


@pytest.mark.parametrize(("text", "reason"), [("foo://a/b", "foo://"), ("az://a/b", "install it")])
def test_a_path_that_nothing_opens_is_one_line(text, reason):
    fsspec.register_implementation(
        "az", "no_such_package.Bucket", errtxt="install it", clobber=True
    )
    with pytest.raises(UserError, match=rf"--workdir={text}.*{reason}") as caught:
        open_path(text, "--workdir")
    assert "\n" not in str(caught.value)


def test_a_home_folder_is_written_out():
    assert "~" not in str(open_path("~/runs", "--workdir"))


def test_files_are_replaced_as_a_whole(workdir):
    workdir.mkdir(parents=True)
    for content in (b"first", b"second"):
        write_whole(workdir / "file", content)
        assert [path.name for path in workdir.iterdir()] == ["file"]
        assert (workdir / "file").read_bytes() == content


def test_a_config_round_trips(workdir, tiny):
    make_workdir(tiny, workdir)
    make_workdir(tiny, workdir)
    assert flatten(load_config(workdir)) == flatten(tiny)
    check_continuation(load_config(workdir), tiny, workdir)
    tiny.seed = 5
    with pytest.raises(UserError, match="seed: 0 -> 5"):
        make_workdir(tiny, workdir)


def test_a_log_round_trips_without_tensorboard(workdir, tiny, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    image = np.random.default_rng(0).integers(0, 256, (9, 12), np.uint8)
    make_workdir(tiny, workdir)
    with RunLog(workdir, 0) as log:
        for step in (1, 2, 3):
            log.write(row(step))
            log.fetch_times.append(0.5 * step)
        assert read_rows(workdir) == [row(1), row(2), row(3)]
        log.save_fetch_times()
        log.picture(7, image)
    with RunLog(workdir, 2) as log:
        assert log.rows == read_rows(workdir) == [row(1), row(2)]
        assert read_fetch_times(workdir) == [0.5, 1.0]
    with Image.open(io.BytesIO((workdir / "samples/step_000007.png").read_bytes())) as saved:
        np.testing.assert_array_equal(saved, image)
    assert not list(tmp_path.iterdir())  # where a library would take s3:// for a folder


def test_the_pictures_and_the_page_are_written(workdir, tiny):
    make_workdir(tiny, workdir)
    plot_curves(workdir / "curves.png", [row(1), row(2)], {"a": 0}, {})
    plot_fetch_times(workdir / "fetch_times.png", [0.3, 0.2], 2.0, 1.0)
    for name in ("curves.png", "fetch_times.png"):
        with Image.open(io.BytesIO((workdir / name).read_bytes())) as picture:
            assert picture.format == "PNG"
    people = {"subject": np.array(["a"])}
    data = {"unrestricted": people, "restricted": people}
    write_report(workdir, tiny, data, [row(1)], {}, best_step=None)
    assert (workdir / "report.md").read_text().startswith("# first\n")
    assert (workdir / "report.html").read_text().count("data:image/png") == 2
    assert json.loads((workdir / "config.json").read_text())


def test_a_bucket_that_orbax_cannot_write_to_is_one_line(workdir):
    with pytest.raises(UserError, match=r"s3://bucket.*gs://.*--workdir"):
        Checkpoints(workdir)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """The home folder of a machine, where nothing is yet."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_a_dataset_is_kept_in_a_bucket(workdir, tiny, home, capsys):
    """Another machine, here an emptied home folder, reads the same examples without preparing."""
    data_dir = epath.Path("s3://bucket/data")
    tiny.data.data_dir = str(data_dir)
    prepared = load_examples(tiny.data, "polygons", "test")
    assert "preparing dataset" in capsys.readouterr().out
    (copy,) = data_dir.glob("polygons/*/1.0.0")
    assert (copy / "dataset_info.json").exists()
    shutil.rmtree(home)
    read = load_examples(tiny.data, "polygons", "test")
    assert "preparing dataset" not in capsys.readouterr().out
    for name, values in prepared.items():
        np.testing.assert_array_equal(read[name], values)


def test_half_a_copy_of_a_dataset_is_completed(workdir, tiny, home):
    tiny.data.data_dir = "s3://bucket/data"
    prepared = load_examples(tiny.data, "polygons", "test")
    (copy,) = epath.Path("s3://bucket/data").glob("polygons/*/1.0.0")
    (copy / "dataset_info.json").unlink()
    shutil.rmtree(home)
    read = load_examples(tiny.data, "polygons", "test")
    np.testing.assert_array_equal(read["image"], prepared["image"])
    assert (copy / "dataset_info.json").exists()
