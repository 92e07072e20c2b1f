"""What a run writes can be read back, and going on forgets what came after the checkpoint."""

import json
import resource
import shutil
import signal
import struct
from contextlib import contextmanager

import numpy as np
import pytest
from PIL import Image
from tensorboardX.proto.event_pb2 import Event

from facealign.errors import UserError
from facealign.paths import write_json
from facealign.workdir.log import RECENT, RunLog, read_fetch_times, read_rows, save_picture
from tests.small_disk import enlarge, small_disk


def row(step, **more):
    return {"step": step, "stage": "a", "loss": 1 / step} | more


def write(workdir, *rows, step=0):
    with RunLog(workdir, step) as log:
        for value in rows:
            log.write(value)


def events(workdir):
    """All events of all TensorBoard files: records of length, checksum, event, checksum."""
    for path in sorted((workdir / "tensorboard").iterdir()):
        data = path.read_bytes()
        while data:
            (length,) = struct.unpack("<Q", data[:8])
            yield Event.FromString(data[12 : 12 + length])
            data = data[16 + length :]


def test_rows_round_trip(tmp_path):
    rows = [row(1, timing={"step_ms": 3.5}), row(2, alarm="spike", text="leapt")]
    write(tmp_path, *rows)
    assert read_rows(tmp_path) == rows


def test_not_a_number_round_trips(tmp_path):
    write(tmp_path, row(1, bad=float("nan")))
    assert np.isnan(read_rows(tmp_path)[0]["bad"])


def test_a_row_is_on_disk_before_the_run_ends(tmp_path):
    with RunLog(tmp_path, 0) as log:
        log.write(row(1))
        assert read_rows(tmp_path) == [row(1)]


def test_rows_after_the_restored_step_are_forgotten(tmp_path):
    write(tmp_path, row(1), row(2), row(2, alarm="freeze"), row(3))
    with RunLog(tmp_path, 2) as log:
        assert log.rows == [row(1), row(2), row(2, alarm="freeze")]
        log.write(row(3, again=True))
    assert read_rows(tmp_path) == log.rows == [*log.rows[:3], row(3, again=True)]


def test_a_half_written_last_line_is_dropped(tmp_path):
    write(tmp_path, row(1), row(2))
    path = tmp_path / "metrics.jsonl"
    path.write_text(path.read_text() + json.dumps(row(3))[:-4])
    assert read_rows(tmp_path) == [row(1), row(2)]
    write(tmp_path, row(3), step=2)
    assert read_rows(tmp_path) == [row(1), row(2), row(3)]


@pytest.mark.parametrize("name", ["metrics.jsonl", "fetch_times.txt"])
@pytest.mark.parametrize("damage", [b"no number\n", b"\x9b\n", b"[]\n"])
def test_a_damaged_line_is_one_line(tmp_path, name, damage):
    write(tmp_path, row(1))
    (tmp_path / name).write_bytes(damage)
    with pytest.raises(UserError, match=rf"{name} is damaged"):
        RunLog(tmp_path, 1)


def test_a_new_folder_has_no_rows(tmp_path):
    assert read_rows(tmp_path) == []
    with RunLog(tmp_path, 0) as log:
        assert log.rows == log.fetch_times == read_fetch_times(tmp_path) == []


def test_fetch_times_are_cut_to_the_restored_step(tmp_path):
    with RunLog(tmp_path, 0) as log:
        log.fetch_times += [0.25, 1.5, 3.0]
        log.save_fetch_times()
        log.fetch_times.append(4.0)
        log.save_fetch_times()
    assert read_fetch_times(tmp_path) == [0.25, 1.5, 3.0, 4.0]
    with RunLog(tmp_path, 2):
        assert read_fetch_times(tmp_path) == [0.25, 1.5]


def test_rows_come_back_when_their_file_was_deleted_while_they_were_written(tmp_path):
    with RunLog(tmp_path, 0) as log:
        log.write(row(1))
        (tmp_path / "metrics.jsonl").unlink()
        log.write(row(2))
        log.write(row(3))
    with RunLog(tmp_path, 2):
        assert read_rows(tmp_path) == [row(1), row(2)]


def test_rows_are_not_kept_in_memory_without_end(tmp_path):
    with RunLog(tmp_path, 0) as log:
        for step in range(1, 2 * RECENT + 100):
            log.write(row(step))
        assert RECENT <= len(log.rows) <= 2 * RECENT and log.rows[-1]["step"] == step
    assert len(read_rows(tmp_path)) == step


def test_a_log_without_a_workdir_writes_nothing():
    with RunLog(None, 0) as log:
        log.write(row(1))
        log.picture(1, np.zeros((2, 2), np.uint8))
        log.save_fetch_times()
        assert log.rows == [row(1)]


def test_pictures_round_trip(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (9, 12), np.uint8)
    with RunLog(tmp_path, 0) as log:
        log.picture(7, image)
    with Image.open(tmp_path / "samples/step_000007.png") as saved:
        np.testing.assert_array_equal(saved, image)


def test_tensorboard_gets_every_number_at_its_step(tmp_path):
    write(tmp_path, row(1, timing={"step_ms": 3.5}), row(2, text="no number"))
    found = {(e.step, v.tag): v.simple_value for e in events(tmp_path) for v in e.summary.value}
    assert found == {(1, "loss"): 1.0, (1, "step_ms"): 3.5, (2, "loss"): 0.5}


def test_tensorboard_forgets_what_came_after_the_restored_step(tmp_path):
    write(tmp_path, row(3), step=2)
    started = [event.step for event in events(tmp_path) if event.HasField("session_log")]
    assert started == [3]


@contextmanager
def files_of_at_most(size):
    """As on a full disk, what is larger is refused."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, old)


@pytest.mark.parametrize("fault", ["full", "removed", "a file", "a dangling link"])
def test_tensorboard_that_cannot_be_written_is_a_warning_and_rows_go_on(fault, tmp_path, caplog):
    folder = tmp_path / "tensorboard"
    if fault == "a file":
        folder.touch()
    elif fault == "a dangling link":
        folder.symlink_to(tmp_path / "nowhere")
    rows = [{"step": step, "a": 0.5, "b": 0.5, "c": 0.5} for step in range(1, 60)]
    with files_of_at_most(4000 if fault == "full" else 100_000), RunLog(tmp_path, 0) as log:
        for each in rows:
            log.write(each)
            if fault == "removed" and each["step"] == 3:
                shutil.rmtree(folder)
    assert read_rows(tmp_path) == rows
    warnings = [line for line in caplog.messages if "training goes on without" in line]
    assert len(warnings) == 1


def test_tensorboard_on_a_small_disk_of_its_own_costs_no_row(tmp_path, caplog):
    with small_disk(tmp_path / "tensorboard", 16):
        rows = [row(step) for step in range(1, 400)]
        write(tmp_path, *rows)
    assert read_rows(tmp_path) == rows
    assert caplog.text.count("training goes on without") == 1


def test_on_a_disk_without_room_rows_end_in_an_error_and_go_on_later(tmp_path):
    folder = tmp_path / "run"
    with small_disk(folder, 32):
        with pytest.raises(OSError, match="No space left"), RunLog(folder, 0) as log:
            for step in range(1, 2000):
                log.write(row(step))
        enlarge(folder, 500)
        write(folder, row(4), step=3)
        assert read_rows(folder) == [row(1), row(2), row(3), row(4)]


def test_files_are_written_whole_and_leave_nothing_beside(tmp_path):
    write_json(tmp_path / "a.json", {"b": [1, 2.5, "c"]})
    save_picture(tmp_path / "a.png", np.zeros((2, 2, 3), np.uint8))
    assert json.loads((tmp_path / "a.json").read_text()) == {"b": [1, 2.5, "c"]}
    assert {path.name for path in tmp_path.iterdir()} == {"a.json", "a.png"}
