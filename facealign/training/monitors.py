"""Monitors: alarms for the training failures that the report could not explain.

Each monitor is a pure function of the rows of metrics.jsonl, so that a run that was killed and
continued raises the same alarms.
"""

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]

SPIKE_WINDOW = 20  # rows in the median that a discriminator loss is compared with
SPIKE_FLOOR = 0.05  # nats; a lower loss is never a spike, however small the median
SATURATION_ROWS = 5  # consecutive rows


def non_finite(rows: Sequence[Row], limits: Any) -> str:
    """A metric of the last row is infinite or not a number."""
    del limits
    bad = [
        name for name, value in rows[-1].items() if _is_number(value) and not math.isfinite(value)
    ]
    return f"not finite: {', '.join(bad)}" if bad else ""


def spike(rows: Sequence[Row], limits: Any) -> str:
    """The discriminator's loss rises far above its recent median in this stage."""
    losses = _values(rows, "discriminator")
    if "discriminator" not in rows[-1] or len(losses) < 6:
        return ""
    *before, last = losses[-SPIKE_WINDOW - 1 :]
    median = statistics.median(before)
    if last <= max(median + (limits.spike - 1) * abs(median), SPIKE_FLOOR):
        return ""
    return f"discriminator loss {last:.3g} jumped above its recent median {median:.3g}"


def saturation(rows: Sequence[Row], limits: Any) -> str:
    """The discriminator is nearly always right, so that the generator learns little from it."""
    real, fake = (_values(rows, f"accuracy_{side}")[-SATURATION_ROWS:] for side in ("real", "fake"))
    if "accuracy_real" not in rows[-1] or len(real) < SATURATION_ROWS:
        return ""
    if min(real + fake) < limits.saturation:
        return ""
    return f"discriminator right on at least {min(real + fake):.1%} of real and fake patches"


def freeze(rows: Sequence[Row], limits: Any) -> str:
    """The images of a decoder that trains hardly change."""
    changes = _of_trained(rows[-1], "change/")
    stuck = [f"{view} ({value:.2g})" for view, value in changes.items() if value < limits.freeze]
    return f"images hardly changed since the last evaluation: {', '.join(stuck)}" if stuck else ""


def collapse(rows: Sequence[Row], limits: Any) -> str:
    """A decoder that trains gives nearly the same image for every input."""
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
    """New alarms of the last row: {monitor: message}. A lasting alarm is raised only once.

    Args:
      rows: rows of metrics.jsonl without alarms, oldest first.
      limits: `config.monitors`.
    """
    rows = [row for row in rows if row["stage"] == rows[-1]["stage"]]
    evaluated = _is_evaluation(rows[-1])
    alike = (i for i in range(len(rows) - 2, -1, -1) if _is_evaluation(rows[i]) == evaluated)
    before = next(alike, None)
    tripped = {name: monitor(rows, limits) for name, monitor in MONITORS.items()}
    return {
        name: message
        for name, message in tripped.items()
        if message and (before is None or not MONITORS[name](rows[: before + 1], limits))
    }


def _is_evaluation(row: Row) -> bool:
    """Whether a row is of an evaluation; otherwise it is of training steps."""
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
