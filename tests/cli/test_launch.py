"""launch.py as people call it: real processes."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from benchmarks.runs import free_port, group_flags, rows
from facealign.cli.interrupts import INTERRUPTED
from facealign.cli.supervisor import PROCESS_LOST, START_AGAIN
from facealign.workdir.log import read_rows
from tests.conftest import STARTED_CACHE

ROOT = Path(__file__).parents[2]
TINY = (
    "--config=configs/medium_gan.py",
    "--config.model.name=light",
    "--config.data.unrestricted=polygons",
    "--config.data.restricted=polygons",
    "--config.data.image_size=32",
    "--config.data.polygon_pairs=80",
    "--config.data.batch_size=4",
    "--config.discriminator.features=4",
    "--config.stages.reconstruction.steps=12",
    "--config.stages.adversarial.steps=12",
    "--config.log_every=2",
    "--config.evaluate_every=4",
    "--config.checkpoint_every=4",
)
STAGES = "--config.run=('reconstruction','adversarial')"
FIRST_STAGE = "--config.run=('reconstruction',)"


def start(*flags: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "launch.py", *flags],
        cwd=ROOT,
        env={
            **os.environ,
            "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
            "XDG_CACHE_HOME": str(STARTED_CACHE),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(*flags: str) -> tuple[int, str, str]:
    process = start(*flags)
    output, errors = process.communicate()
    return process.returncode, output, errors


@pytest.fixture(scope="module")
def alone(data_dir, tmp_path_factory):
    """The workdir of a run that nothing happened to."""
    workdir = tmp_path_factory.mktemp("alone")
    code, _, errors = run(
        *TINY, STAGES, f"--config.data.data_dir={data_dir}", f"--workdir={workdir}"
    )
    assert code == 0, errors
    return workdir


def wait_for_row(workdir: Path, row: int, *processes: subprocess.Popen) -> None:
    while len(read_rows(workdir)) < row and all(process.poll() is None for process in processes):
        time.sleep(0.01)


def test_a_run_stopped_at_random_moments_writes_the_same_rows(alone, tmp_path, data_dir, request):
    """Every second time by kill -9, else by SIGTERM, which it answers."""
    flags = (*TINY, STAGES, f"--config.data.data_dir={data_dir}")
    killed = tmp_path / "killed"
    moments = random.Random(time.time_ns())
    kills = request.config.getoption("--kills")
    for turn, row in enumerate(sorted(moments.sample(range(1, len(read_rows(alone)) - 2), kills))):
        process = start(*flags, f"--workdir={killed}")
        wait_for_row(killed, row, process)
        time.sleep(moments.uniform(0, 0.1))
        process.send_signal((signal.SIGTERM, signal.SIGKILL)[turn % 2])
        _, errors = process.communicate()
        print(f"stopped at row {len(read_rows(killed))} of {len(read_rows(alone))}")
        if turn % 2 == 0:
            assert process.returncode == START_AGAIN, errors
            assert "the same command goes on from there" in errors.splitlines()[-1]
    code, _, errors = run(*flags, f"--workdir={killed}")
    assert code == 0, errors
    assert rows(killed) == rows(alone)


def test_an_interrupted_run_says_how_to_go_on(tmp_path, data_dir):
    process = start(*TINY, STAGES, f"--config.data.data_dir={data_dir}", f"--workdir={tmp_path}")
    wait_for_row(tmp_path, 1, process)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate()
    assert process.returncode == INTERRUPTED and "Traceback" not in errors, errors
    assert errors.splitlines()[-1] == (
        "error: interrupted; the same command goes on from the last checkpoint, or starts anew "
        "if there is none yet"
    )


def test_two_processes_make_one_run_that_ends_when_one_is_lost_and_goes_on_in_one(
    alone, tmp_path, data_dir
):
    flags = (*TINY, FIRST_STAGE, f"--config.data.data_dir={data_dir}", f"--workdir={tmp_path}")
    port = free_port()
    one, other = (start(*flags, *group_flags(port, 2, i)) for i in range(2))
    wait_for_row(tmp_path, 4, one, other)  # by then it has saved
    other.kill()
    other.communicate()
    _, errors = one.communicate(timeout=120)
    assert one.returncode == START_AGAIN, errors
    assert errors.splitlines()[-1] == f"error: {PROCESS_LOST}"
    code, _, errors = run(*flags)
    assert code == 0 and "continuing from the checkpoint" in errors, errors
    ours = rows(tmp_path)
    same = rows(alone)[: len(ours)]
    assert [row.keys() for row in ours] == [row.keys() for row in same]
    for row, expected in zip(ours, same, strict=True):
        assert row == {
            name: pytest.approx(value, rel=1e-3, abs=1e-3) if isinstance(value, float) else value
            for name, value in expected.items()
        }


BAD = {
    "no config": ((), "--config=configs/"),
    "no such config": (("--config=configs/nope.py",), "configs/nope.py"),
    "unknown variant": (("--config=configs/medium_gan.py:lwf",), "choose from: faithful"),
    "unknown field": ((*TINY, "--config.data.batch_sise=3"), "did you mean 'batch_size'?"),
    "wrong type": ((*TINY, "--config.seed=abc"), "--config.seed=abc"),
    "unknown mode": ((*TINY, "--mode=trian"), "--mode=trian"),
    "unknown flag": ((*TINY, "--workdri=x"), "workdri"),
    "stray word": ((*TINY, "evaluate"), "'evaluate' is no flag"),
    "config that is no program": (("--config=README.md",), "of README.md: SyntaxError"),
    "unknown dataset": ((*TINY, "--config.data.restricted=polygon"), "did you mean 'polygons'"),
    "unknown model": ((*TINY, "--config.model.name=lite"), "did you mean 'light'"),
    "unwritable workdir": ((*TINY, "--workdir=/dev/null/run"), "/dev/null/run"),
    "missing workdir": ((*TINY, "--mode=evaluate", "--workdir=missing"), "missing holds no run"),
    "large batch": ((*TINY, "--config.data.batch_size=999"), "batch_size=999"),
    "empty split": ((*TINY, "--config.data.polygon_pairs=1"), "No examples were yielded"),
    "no port": (
        (*TINY, "--distributed", "--coordinator=x", "--num_processes=2", "--process_id=0"),
        "is not HOST:PORT",
    ),
    "half a group": ((*TINY, "--distributed", "--coordinator=x:1"), "come together"),
    "devices": ((*TINY, "--config.mesh.data=3"), "there are 1"),
    "interval": ((*TINY, "--config.checkpoint_every=7"), "multiple of config.evaluate_every=4"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_mistake_is_one_line_and_an_exit_code(name, tmp_path, data_dir):
    flags, expected = BAD[name]
    extra = [f"--config.data.data_dir={data_dir}"] if flags[:1] == TINY[:1] else []
    if not any(flag.startswith("--workdir") for flag in flags):
        extra.append(f"--workdir={tmp_path / 'run'}")
    code, output, errors = run(*flags, *extra)
    assert code != 0
    lines = [line for line in errors.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1 and expected in lines[0], errors
    assert "Traceback" not in errors + output
    assert not (tmp_path / "run").exists()


@pytest.fixture
def copy(alone, tmp_path):
    """A workdir that may be changed."""
    return shutil.copytree(alone, tmp_path / "run")


def test_evaluate_and_pack_take_the_config_of_the_run(copy):
    code, output, errors = run("--mode=evaluate", f"--workdir={copy}")
    assert code == 0 and "mean training image" in output and "blurred input" in output, errors
    rows = json.loads((copy / "evaluation.json").read_text())["rows"]
    assert rows["light"]["l1/reconstruction_u"] > 0 and rows["light"]["ssim/reconstruction_r"] < 1
    assert (copy / "evaluation.html").exists()
    code, _, errors = run("--mode=pack", f"--workdir={copy}")
    assert code == 0 and (copy / "weights.safetensors").exists(), errors


def test_evaluate_judges_on_other_photos_but_not_with_another_config(copy, data_dir):
    flags = (*TINY, STAGES, f"--config.data.data_dir={data_dir}", f"--workdir={copy}")
    flags += ("--mode=evaluate",)
    code, output, errors = run(*flags, "--on=lfw:validation,test")
    assert code == 0 and "8 photos of 4 people: lfw, validation and test" in output, errors
    code, _, errors = run(*flags, "--config.seed=9")
    assert code != 0 and "seed: 0 -> 9" in errors


def test_evaluate_takes_packed_weights_with_the_places_of_a_config(copy, data_dir):
    assert run("--mode=pack", f"--workdir={copy}")[0] == 0
    flags = (*TINY, f"--config.data.data_dir={data_dir}", f"--workdir={copy / 'judged'}")
    packed = f"--checkpoint={copy / 'weights.safetensors'}"
    code, output, errors = run(*flags, "--mode=evaluate", packed, "--on=lfw:validation,test")
    assert code == 0 and "8 photos of 4 people: lfw, validation and test" in output, errors
    assert (copy / "judged" / "evaluation.json").exists()


def test_a_run_in_colour_leaves_a_report_and_portraits_are_refused(tmp_path, data_dir):
    flags = (*TINY, FIRST_STAGE, "--config.stages.reconstruction.steps=4")
    flags += ("--config.data.channels=3", f"--config.data.data_dir={data_dir}")
    code, _, errors = run(*flags, f"--workdir={tmp_path}")
    assert code == 0, errors
    with Image.open(next((tmp_path / "samples").glob("*.png"))) as picture:
        assert picture.mode == "RGB"
    code, _, errors = run("--mode=evaluate", f"--workdir={tmp_path}")
    assert code != 0 and "config.data.channels=3" in errors and "Traceback" not in errors
    code, _, errors = run("--mode=export", f"--checkpoint={tmp_path}", f"--output={tmp_path}/e")
    assert code != 0 and "config.data.channels=3" in errors and "Traceback" not in errors


def test_evaluate_refuses_a_checkpoint_of_another_network(copy):
    config = json.loads((copy / "config.json").read_text())
    config["model"]["kl_weight"] = 1.0
    (copy / "config.json").write_text(json.dumps(config))
    code, _, errors = run(f"--workdir={copy}", "--mode=evaluate")
    assert code != 0 and "of other networks" in errors and "Traceback" not in errors
    assert not (copy / "evaluation.json").exists()


def test_summary_shows_the_counts_of_the_report():
    code, output, _ = run("--config=configs/medium_reconstruction.py", "--mode=summary")
    assert code == 0 and "4,366,608" in output and "4,366,928" in output
    code, output, _ = run("--config=configs/polygons_light.py", "--mode=summary")
    assert code == 0 and "1,066,632" in output and "280,165" in output
