"""How a run ends, in exit codes, and a parent process that says so where C++ would not."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable

OWN_END = 2  # exit code behind `guard` of an end that has been explained
START_AGAIN = 75  # EX_TEMPFAIL of sysexits.h: the same command goes on from the last checkpoint
DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of Linux's prctl
ALONE = (
    "the processes of this run did not come together: see that --coordinator=HOST:PORT is the "
    "first one's, reached from all hosts, --num_processes how many are started, each with its own "
    "--process_id, and start all within five minutes"
)
LOST = (
    "another process of this run is gone, and none goes on alone. Start all of them again "
    "with the same commands; they go on from the last checkpoint"
)


def guard() -> Callable[[], None]:
    """Returns in a child that does the work; the parent stays behind to say how it ended.

    JAX's coordination service aborts a process when another one is gone or never came, from C++ and
    with pages of addresses. The parent then adds one line, and leaves with `START_AGAIN` if another
    one is gone. Call it before JAX starts threads, and what it returns once all have come.
    """
    parent, (reading, writing) = os.getpid(), os.pipe()
    child = os.fork()
    if child == 0:
        if sys.platform == "linux":  # a parent that is killed takes its child along
            ctypes.CDLL(None).prctl(DEATH_SIGNAL, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
        return lambda: os.write(writing, b"!") and None
    os.close(writing)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: os.kill(child, number))
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code in (1, -signal.SIGABRT):  # JAX's two ways, by version
        came = os.read(reading, 1)
        print(f"error: {LOST if came else ALONE}", file=sys.stderr, flush=True)
        code = START_AGAIN if came else 1
    os._exit(1 if code == OWN_END else code if code >= 0 else 128 - code)
