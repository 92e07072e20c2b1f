"""Supervisor of one of several processes; reports aborts of native code in one line."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable

EXPLAINED = 2  # exit code of a supervised process that has printed why it ends; becomes 1
START_AGAIN = 75  # EX_TEMPFAIL of sysexits.h: the same command goes on from the last checkpoint
DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of Linux's prctl
NOT_JOINED = (
    "the processes of this run did not find each other: check that --coordinator=HOST:PORT is the "
    "first one's and can be reached from all hosts, that --num_processes is how many are started, "
    "each with its own --process_id, and that all start within five minutes"
)
PROCESS_LOST = (
    "another process of this run is gone, and the others cannot go on without it; start all of "
    "them again with the same commands, and they go on from the last checkpoint"
)


def supervise() -> Callable[[], None]:
    """Returns in a child process that does the work; the parent waits and reports how it ended.

    JAX's coordination service aborts a process when another one is gone or never came, from C++ and
    with pages of addresses. The parent then adds one line, and ends with `START_AGAIN` if another
    one is gone. If another signal ended the child, the parent ends with 128 + its number. Call it
    before JAX starts threads.

    Returns:
      What to call once all processes have joined.
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
        joined = os.read(reading, 1)
        print(f"error: {PROCESS_LOST if joined else NOT_JOINED}", file=sys.stderr, flush=True)
        code = START_AGAIN if joined else 1
    os._exit(1 if code == EXPLAINED else code if code >= 0 else 128 - code)
