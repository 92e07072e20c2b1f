"""Downloads large files and checks them; on failure, says where to put the file by hand."""

import hashlib
import http.client
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from absl import logging

from facealign.data.prepare import alone
from facealign.errors import UserError

TIMEOUT = 30  # s without a byte
BLOCK = 2**20  # bytes


def fetch(addresses: Sequence[str], sha256: str, target: Path, otherwise: str) -> Path:
    """Downloads a file from the first address that works; returns `target`.

    If another process is at it, waits for that one's file.

    Args:
      addresses: URLs of the same file.
      sha256: hexadecimal checksum; other content is rejected.
      target: where the file is written; it appears only when complete.
      otherwise: what the user can do if all addresses fail.

    Raises:
      UserError: all addresses failed; gives the reason of each.
    """
    with alone(target.with_name(f".{target.name}.lock")):
        return target if target.exists() else _fetch(addresses, sha256, target, otherwise)


def _fetch(addresses: Sequence[str], sha256: str, target: Path, otherwise: str) -> Path:
    part = target.with_name(target.name + ".part")
    failures = []
    for address in addresses:
        logging.info("downloading %s", address)
        try:
            found = _receive(address, part)
        except (OSError, http.client.HTTPException, ValueError) as error:
            failures.append(f"{address}: {error}")
            continue
        if found == sha256:
            part.replace(target)
            return target
        failures.append(f"{address}: wrong checksum (SHA-256 {found})")
    part.unlink(missing_ok=True)
    raise UserError(f"cannot download {target.name} ({'; '.join(failures)}); {otherwise}")


def _receive(address: str, part: Path) -> str:
    """Writes a download to `part`; returns its SHA-256. Raises ValueError if data is missing."""
    digest, received = hashlib.sha256(), 0
    with urllib.request.urlopen(address, timeout=TIMEOUT) as response, part.open("wb") as file:
        while block := response.read(BLOCK):
            file.write(block)
            digest.update(block)
            received += len(block)
        promised = response.headers.get("Content-Length")
        if not received:
            raise ValueError(f"HTTP {response.status} without data")
        if promised is not None and received < int(promised):
            raise ValueError(f"cut short, {received} of {promised} bytes")
    return digest.hexdigest()
