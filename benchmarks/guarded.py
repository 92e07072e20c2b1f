"""What fuzzing shares: cases that pass if they work or end in one plain line."""

import traceback
from collections.abc import Callable
from pathlib import Path

import common  # noqa: F401 (finds facealign)
import hypothesis
from hypothesis import HealthCheck, settings

from facealign import images
from facealign.errors import UserError

PLAIN = (UserError, OSError, SystemExit, images.BadPhotoError)
counts = {"done": 0, "a plain line": 0, "a traceback": 0}
failures: dict[str, str] = {}  # an example of each kind, by error and place


def guarded(case: Callable[[], None], example: object) -> None:
    """Runs a case; what becomes a plain line is none of its failures."""
    try:
        case()
        counts["done"] += 1
    except PLAIN as error:
        said = str(error)
        assert said and "Traceback" not in said, said
        counts["a plain line"] += 1
    except Exception as error:
        counts["a traceback"] += 1
        place = traceback.extract_tb(error.__traceback__)
        ours = ([frame for frame in place if "facealign" in frame.filename] or list(place))[-1]
        kind = f"{type(error).__name__} in {Path(ours.filename).name}:{ours.lineno}"
        failures.setdefault(kind, f"{str(error)[:200]}; {example!r}"[:500])


def made(cases: int) -> Callable:
    """Hypothesis's settings: so many cases, however long each takes."""
    return settings(
        max_examples=cases,
        deadline=None,
        database=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
