"""Ctrl-C and SIGTERM at any moment: exit code 130 or 143, a line, no traceback."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from facealign.cli.interrupts import INTERRUPTED

ROOT = Path(__file__).parents[2]
START = {
    "script": 'runpy.run_path("launch.py", run_name="__main__")',
    "module": 'runpy.run_module("facealign", run_name="__main__", alter_sys=True)',
}
# Starts facealign with the flags behind the first one, and does something when it is about to
# import that module for the first time.
AT_IMPORT = """
import os, runpy, signal, sys
module = sys.argv.pop(1)
sys.path[0] = os.getcwd()
seen = set()
def hook(event, arguments):
    if event == "import" and arguments[0] == module and not seen:
        seen.add(module)
        {do}
sys.addaudithook(hook)
{start}
"""
ENDS = {"SIGINT": (130, "", "interrupted\n"), "SIGTERM": (143, "", "terminated\n")}
SAY_SO = "print('go', flush=True)"
FLAGS = ("--mode=summary", "--config=configs/polygons_light.py")


@pytest.mark.parametrize(("start", "name"), [*zip(START, ENDS, strict=True)])
@pytest.mark.parametrize(
    "module", ["absl", "facealign.cli.run", "ml_collections", "jax", "numpy", "facealign.cli.modes",
               "tensorflow_datasets", "facealign.training.loop"]
)  # fmt: skip
def test_an_interrupt_during_an_import_is_one_line(module, start, name):
    itself = f"os.kill(os.getpid(), signal.{name})"
    program = AT_IMPORT.format(do=itself, start=START[start])
    done = subprocess.run(
        [sys.executable, "-c", program, module, *FLAGS], cwd=ROOT, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == ENDS[name]


@pytest.mark.parametrize("start", START)
@pytest.mark.parametrize("module", ["facealign.cli.main", "facealign.cli"])
def test_an_interrupt_before_there_is_a_handler_is_no_traceback(module, start):
    itself = "os.kill(os.getpid(), signal.SIGINT)"
    program = AT_IMPORT.format(do=itself, start=START[start])
    done = subprocess.run(
        [sys.executable, "-c", program, module, *FLAGS], cwd=ROOT, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (INTERRUPTED, "", "")


@pytest.mark.parametrize("delay", [0.0, 0.05, 0.2, 0.5, 1.0])
def test_an_interrupt_from_outside_is_one_line(delay):
    """So many seconds after the first import of facealign's that takes time."""
    program = AT_IMPORT.format(do=SAY_SO, start=START["script"])
    process = subprocess.Popen(
        [sys.executable, "-c", program, "absl", *FLAGS],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout.readline() == "go\n"
    time.sleep(delay)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate()
    assert process.returncode == INTERRUPTED, errors
    assert errors.count("\n") == 1 and "interrupted" in errors


WORK = """
import gc, os, signal, time, weakref
from facealign.cli import interrupts

done = []

def interrupt(*_):
    os.kill(os.getpid(), signal.SIGINT)

def at_start(phase, _):
    if phase == "start" and not done:
        done.append(phase)
        interrupt()

class Thing:
    def __del__(self):
        interrupt()

def swallow():
    try:
        interrupt()
    except BaseException:
        pass

def turn():
    try:
        interrupt()
    except BaseException:
        raise ValueError from None

signal.signal(signal.SIGINT, signal.{handler})  # as the process might have been started
interrupts.end_at_once()
try:
    with interrupts.raised():
        {do}
        time.sleep(20)
except KeyboardInterrupt:
    print("cleaned up", flush=True)
interrupt()
print("goes on")
"""


def work(do: str, handler: str) -> tuple[int, str, str]:
    """Exit code, output and errors of a process that starts with a handler of SIGINT."""
    done = subprocess.run(
        [sys.executable, "-c", WORK.format(do=do, handler=handler)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    "do",
    [
        "interrupt()",
        "gc.callbacks.append(at_start); gc.collect()",  # JAX has such a function
        "thing = Thing(); del thing",
        "thing = set(); weakref.finalize(thing, interrupt); del thing",
        "swallow()",
        "swallow(); time.sleep = int",  # work that ends before it is told again
        "turn()",
    ],
)
def test_work_is_interrupted_wherever_it_is_and_cleaned_up(do):
    """Python passes over what is raised while objects are deleted, and libraries catch it."""
    assert work(do, "default_int_handler") == (INTERRUPTED, "cleaned up\n", "")


def test_an_ignored_interrupt_stays_ignored():
    """A shell starts so what ends in &."""
    do = "interrupt(); time.sleep = int"
    assert work(do, "SIG_IGN") == (0, "goes on\n", "")


def test_what_was_said_is_kept_when_threads_of_libraries_are_left():
    program = (
        "import threading, time; from facealign.cli import interrupts; "
        "threading.Thread(target=time.sleep, args=(600,)).start(); print('said'); "
        f"interrupts.leave({INTERRUPTED})"
    )
    command = [sys.executable, "-c", program]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stdout, ended.stderr) == (INTERRUPTED, "said\n", "")
