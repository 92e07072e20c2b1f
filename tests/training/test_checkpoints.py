"""Checkpoints: what is saved comes back whole, or is not taken at all."""

import gc
import resource
import shutil
import signal
from pathlib import Path

import jax
import numpy as np
import pytest
from etils import epath

from facealign.errors import UserError
from facealign.models.apply import NetState
from facealign.training.checkpoints import Checkpoints
from facealign.training.saved_model import load_run
from facealign.training.state import TrainState
from tests.small_disk import enlarge, small_disk

# Of tensorstore over damaged files, whenever the garbage is collected.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(autouse=True, scope="module")
def collect_garbage():
    yield
    gc.collect()


def make_state(step: int, width: int = 200) -> TrainState:
    params = {"kernel": np.arange(width, dtype=np.float32) + step}
    net = NetState(params=params, batch_stats={}, opt_state=(), ema={})
    return TrainState(step=np.int32(step), nets={"encoder": net})


def save(folder, steps, metric=lambda step: 0.0):
    with Checkpoints(folder, "loss") as checkpoints:
        for step in steps:
            checkpoints.save(make_state(step), {"loss": metric(step)})


def restore(folder, step=0, width=200):
    with Checkpoints(folder) as checkpoints:
        return checkpoints.restore(make_state(0, width), step)


def data_files(folder, step):
    state = folder / "checkpoints" / str(step) / "state"
    return [f for f in state.rglob("*") if f.is_file() and f.parent.name == "d"]


def test_round_trip(tmp_path):
    save(tmp_path, [3])
    jax.tree.map(np.testing.assert_array_equal, restore(tmp_path), make_state(3))


def test_a_workdir_may_be_relative(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save(Path("run"), [3])
    assert restore(Path("run")).step == 3 and restore(tmp_path / "run").step == 3


def test_a_bucket_that_orbax_does_not_know_is_refused():
    with pytest.raises(UserError, match="no checkpoints can be written to s3://bucket/run"):
        Checkpoints(epath.Path("s3://bucket/run"))


def test_nothing_saved_is_none(tmp_path):
    assert restore(tmp_path) is None


def test_keeps_the_last_two_and_the_best(tmp_path):
    save(tmp_path, [1, 2, 3, 4, 5], metric=lambda step: abs(step - 2))
    with Checkpoints(tmp_path, "loss") as checkpoints:
        assert checkpoints.steps() == [2, 4, 5]
        assert checkpoints.best_step() == 2


def test_saving_a_step_again_replaces_it(tmp_path):
    save(tmp_path, [1, 2])
    save(tmp_path, [2])
    assert restore(tmp_path).step == 2
    save(tmp_path, [1])  # as a run does that found 2 damaged
    assert restore(tmp_path, step=1).step == 1


@pytest.mark.parametrize("damage", ["truncated", "flipped", "emptied"])
def test_a_damaged_checkpoint_is_passed_over_loudly(tmp_path, damage, caplog):
    save(tmp_path, [1, 2])
    for file in data_files(tmp_path, 2):
        content = bytearray(file.read_bytes())
        if damage == "flipped":
            content[len(content) // 2] ^= 1
        file.write_bytes(content[: {"truncated": len(content) // 2, "emptied": 0}.get(damage)])
    assert restore(tmp_path).step == 1
    assert "checkpoint 2" in caplog.text and "passed over" in caplog.text


def test_a_checkpoint_with_the_checksums_of_another_state_is_passed_over(tmp_path, caplog):
    """Orbax itself finds nothing wrong: each item is whole, but they do not belong together."""
    save(tmp_path, [1, 2])
    other = make_state(2)
    other.nets["encoder"].params["kernel"][7] += 1
    with Checkpoints(tmp_path / "other", "loss") as checkpoints:
        checkpoints.save(other, {"loss": 0.0})
    state = tmp_path / "checkpoints" / "2" / "state"
    shutil.rmtree(state)
    shutil.copytree(tmp_path / "other" / "checkpoints" / "2" / "state", state)
    assert restore(tmp_path).step == 1
    assert "checkpoint 2" in caplog.text and "checksum of" in caplog.text
    with pytest.raises(UserError, match=r"step 2 .* damaged; .*steps \[1\]: give --step=1"):
        restore(tmp_path, step=2)


def test_a_full_disk_is_one_line_and_harms_no_checkpoint(tmp_path):
    save(tmp_path, [1, 2])
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    state = make_state(3, 200_000)
    try:
        with Checkpoints(tmp_path, "loss") as checkpoints:
            resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
            with pytest.raises(UserError, match=r"cannot save step 3 .*steps \[1, 2\] are whole"):
                checkpoints.save(state, {"loss": 0.0})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, old)
    assert {path.name for path in (tmp_path / "checkpoints").iterdir()} == {"1", "2"}
    assert restore(tmp_path).step == 2


def test_a_disk_without_room_is_one_line_until_there_is_some(tmp_path):
    with small_disk(tmp_path / "run", 100), Checkpoints(tmp_path / "run", "loss") as checkpoints:
        checkpoints.save(make_state(1), {"loss": 0.0})
        with pytest.raises(UserError, match=r"cannot save step 2 .*steps \[1\] are whole"):
            checkpoints.save(make_state(2, 50_000), {"loss": 0.0})
        assert restore(tmp_path / "run").step == 1
        enlarge(tmp_path / "run", 2000)
        checkpoints.save(make_state(2, 50_000), {"loss": 0.0})
        assert restore(tmp_path / "run", width=50_000).step == 2


@pytest.mark.parametrize("text", ['{"loss"; 0.0}', "", "{}", '{"loss": "x"}', "[]"])
def test_damaged_metrics_are_removed_loudly_and_harm_no_state(tmp_path, caplog, text):
    save(tmp_path, [1, 2])
    (tmp_path / "checkpoints" / "2" / "metrics" / "metrics").write_text(text)
    with Checkpoints(tmp_path, "loss") as checkpoints:
        assert checkpoints.best_step() == 1 and checkpoints.restore(make_state(0)).step == 2
    assert "is damaged and was deleted" in caplog.text


def test_what_a_killed_save_left_is_removed_by_the_next_run_alone(tmp_path):
    save(tmp_path, [1])
    left = tmp_path / "checkpoints" / "2.orbax-checkpoint-tmp"
    left.mkdir()
    assert restore(tmp_path).step == 1 and left.exists()  # a reader leaves it: a run may be saving
    save(tmp_path, [2])
    assert not left.exists() and restore(tmp_path).step == 2


def test_a_checkpoint_without_metrics_is_never_the_best_and_goes(tmp_path):
    with Checkpoints(tmp_path, "loss") as checkpoints:
        for step, metric in ((1, 1.0), (2, None), (3, 2.0), (4, 3.0)):
            checkpoints.save(make_state(step), metric and {"loss": metric})
        assert checkpoints.best_step() == 1 and checkpoints.steps() == [1, 3, 4]


def test_when_none_is_whole_it_says_so(tmp_path):
    save(tmp_path, [1])
    for file in data_files(tmp_path, 1):
        file.write_bytes(b"")
    with pytest.raises(UserError, match="can be read"):
        restore(tmp_path)


def test_other_networks_do_not_load(tmp_path):
    save(tmp_path, [1])
    with pytest.raises(UserError, match="other networks"):
        restore(tmp_path, width=300)


def test_a_config_that_lacks_a_value_is_told_in_a_line(tiny, tmp_path):
    del tiny.optimizer.b1
    (tmp_path / "config.json").write_text(tiny.to_json())
    with pytest.raises(UserError, match=r"config\.json lacks .*b1.*base\.py"):
        load_run(tmp_path)


def test_a_step_that_is_not_there_is_named(tmp_path):
    save(tmp_path, [1, 2])
    assert restore(tmp_path, step=1).step == 1
    with pytest.raises(UserError, match=r"no checkpoint of step 7.*\[1, 2\]"):
        restore(tmp_path, step=7)
