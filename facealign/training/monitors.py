"""Says when a run goes wrong in one of the ways that the report could not explain.

Each monitor is a pure function of the rows of metrics.jsonl so far, so that a run that was killed
and continued raises the same alarms.
"""

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]

SPIKE_WINDOW = 20  # rows whose median a discriminator loss is compared with
SPIKE_FLOOR = 0.05  # nats; a loss below this is no spike, however small the median
SATURATION_ROWS = 5  # so many rows in a row


def non_finite(rows: Sequence[Row], limits: Any) -> str:
    """A metric of the last row is infinite or not a number."""
    del limits
    bad = [
        name for name, value in rows[-1].items() if _is_number(value) and not math.isfinite(value)
    ]
    return f"not finite: {', '.join(bad)}" if bad else ""


def spike(rows: Sequence[Row], limits: Any) -> str:
    """The discriminator's loss leaps above its recent median in this stage."""
    losses = _values(rows, "discriminator")
    if "discriminator" not in rows[-1] or len(losses) < 6:
        return ""
    *before, last = losses[-SPIKE_WINDOW - 1 :]
    median = statistics.median(before)
    if last <= max(median + (limits.spike - 1) * abs(median), SPIKE_FLOOR):
        return ""
    return f"discriminator loss {last:.3g} leapt above its recent median {median:.3g}"


def saturation(rows: Sequence[Row], limits: Any) -> str:
    """The discriminator tells all real from all fake: the generator's gradient says little."""
    real, fake = (_values(rows, f"accuracy_{side}")[-SATURATION_ROWS:] for side in ("real", "fake"))
    if "accuracy_real" not in rows[-1] or len(real) < SATURATION_ROWS:
        return ""
    if min(real + fake) < limits.saturation:
        return ""
    return f"discriminator right on at least {min(real + fake):.1%} of real and fake patches"


def freeze(rows: Sequence[Row], limits: Any) -> str:
    """A decoder trains, but its images no longer change."""
    changes = _of_trained(rows[-1], "change/")
    stuck = [f"{view} ({value:.2g})" for view, value in changes.items() if value < limits.freeze]
    return f"images hardly changed since the last evaluation: {', '.join(stuck)}" if stuck else ""


def collapse(rows: Sequence[Row], limits: Any) -> str:
    """A decoder gives nearly the same image for every input."""
    shares = _of_trained(rows[-1], "diversity/")
    same = [f"{view} ({value:.2g})" for view, value in shares.items() if value < limits.collapse]
    return f"outputs are nearly all the same, diversity of {', '.join(same)}" if same else ""


MONITORS: dict[str, Callable[[Sequence[Row], Any], str]] = {
    "non_finite": non_finite,
    "spike": spike,
    "saturation": saturation,
    "freeze": freeze,
    "collapse": collapse,
}


def alarms(rows: Sequence[Row], limits: Any) -> dict[str, str]:
    """Messages by monitor for the last row; a monitor that is still tripped does not repeat itself.

    Args:
      rows: rows of metrics.jsonl, oldest first, alarms left out.
      limits: `config.monitors`.
    """
    rows = [row for row in rows if row["stage"] == rows[-1]["stage"]]
    kind = _kind(rows[-1])
    before = next((i for i in range(len(rows) - 2, -1, -1) if _kind(rows[i]) == kind), None)
    tripped = {name: monitor(rows, limits) for name, monitor in MONITORS.items()}
    return {
        name: message
        for name, message in tripped.items()
        if message and (before is None or not MONITORS[name](rows[: before + 1], limits))
    }


def _kind(row: Row) -> bool:
    """Whether a row is of an evaluation (or else of training steps)."""
    return any("/" in name for name in row)


def _values(rows: Sequence[Row], name: str) -> list[float]:
    return [row[name] for row in rows if name in row]


def _of_trained(row: Row, prefix: str) -> dict[str, float]:
    return {
        name.removeprefix(prefix): value
        for name, value in row.items()
        if name.startswith(prefix) and name.removeprefix(prefix) in row.get("trained_views", ())
    }


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)
