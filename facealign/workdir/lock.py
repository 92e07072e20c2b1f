"""One run per workdir: a lock that the system releases when its process ends, in any way."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from absl import logging
from etils import epath

from facealign.errors import UserError
from facealign.paths import is_local

FILE = ".lock"


@contextmanager
def locked(workdir: epath.Path, flag: str = "--workdir") -> Iterator[None]:
    """Keeps other processes from writing into a folder; creates it if it is missing.

    Buckets have no locks; there it only logs that. `flag` is what names the folder.

    Raises:
      UserError: another process writes into it, or it cannot be written.
    """
    try:
        workdir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot write into {flag}={workdir}: {error}; choose another") from error
    if not is_local(workdir):
        logging.info("%s cannot be locked; make sure that no other run writes into it", workdir)
        yield
        return
    import fcntl  # missing on Windows

    with _open(workdir, flag) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UserError(
                f"{workdir} is in use by {_holder(file)}; wait for it, "
                f"stop it, or choose another {flag}"
            ) from error
        except OSError as error:  # on some network drives
            logging.warning("%s cannot be locked (%s); make sure that no other run writes into it",
                            workdir, error)  # fmt: skip
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}\n")
        file.flush()
        yield


def _holder(file: TextIO) -> str:
    file.seek(0)
    return file.read().strip() or "another process"


def _open(workdir: epath.Path, flag: str) -> TextIO:
    try:
        return open(os.fspath(workdir / FILE), "a+", encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot write into {flag}={workdir}: {error}; choose another") from error
