"""A process as the machine has it: its platforms, and a notebook that calls facealign again."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SUMMARY = ("--mode=summary", "--config=configs/polygons_light.py")
SEVERAL = """
import runpy, sys
for flags in {calls}:
    sys.argv = ["launch.py", *flags]
    try:
        runpy.run_path("launch.py", run_name="__main__")
    except SystemExit as end:
        print("code", end.code or 0)
"""


def call(*command: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, *command],
        cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        capture_output=True, text=True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("JAX_PLATFORMS", "cuda"),
        ("JAX_PLATFORMS", "gpu"),
        ("JAX_PLATFORMS", "CPU"),
        ("JAX_PLATFORM_NAME", "rocm"),
    ],
)
def test_a_platform_that_is_not_there_is_one_line_with_those_that_are(name, value):
    done = call("launch.py", *SUMMARY, **{"JAX_PLATFORMS": "", name: value})
    assert done.returncode == 1 and done.stderr.count("\n") == 1, done.stderr
    assert f"error: {name}={value} cannot be used here" in done.stderr
    assert "choose from:" in done.stderr and "cpu" in done.stderr.split("choose from:")[1]


def test_a_wrong_value_for_jax_is_one_line():
    done = call("launch.py", *SUMMARY, JAX_ENABLE_X64="perhaps")
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert "'JAX_ENABLE_X64'" in done.stderr


def test_a_notebook_may_call_it_again_with_other_flags():
    calls = [
        (*SUMMARY, "--config.data.image_size=32", "--config.run=('mirror',)"),
        ("--mode=pack", "--workdir=missing"),
        (*SUMMARY, "--config.data.image_size=64"),
        (*SUMMARY,),
    ]
    done = call("-c", SEVERAL.format(calls=calls))
    assert [line for line in done.stdout.splitlines() if line.startswith("code")] == [
        "code 0", "code 1", "code 0", "code 0",
    ], done.stderr  # fmt: skip
    sizes = [line.split()[1:4] for line in done.stdout.splitlines() if line.startswith("decoder_u")]
    assert [size[0] for size in sizes] == ["32", "64", "128"]  # the last one is the config's own


def test_two_configs_are_refused():
    done = call("launch.py", *SUMMARY, "--config.seed=2", "--config=configs/medium_gan.py")
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert "--config is given 2 times" in done.stderr and "give it once" in done.stderr
