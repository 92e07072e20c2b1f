"""Adam and its schedules."""

from collections.abc import Callable
from typing import Any

import optax

from facealign.errors import lookup

WARM = 20  # the rate of warm_cosine rises over so small a part of a stage

SCHEDULES: dict[str, Callable[[float, int], optax.Schedule]] = {
    "constant": lambda rate, steps: optax.constant_schedule(rate),
    "linear": lambda rate, steps: optax.linear_schedule(rate, 0.0, steps),
    "late_linear": lambda rate, steps: optax.linear_schedule(
        rate, 0.0, steps - steps // 2, transition_begin=steps // 2
    ),
    "cosine": lambda rate, steps: optax.cosine_decay_schedule(rate, steps),
    "warm_cosine": lambda rate, steps: optax.warmup_cosine_decay_schedule(
        0.0, rate, steps // WARM, steps
    ),
}


def create_optimizer(
    optimizer: Any, learning_rate: float, steps: int
) -> optax.GradientTransformation:
    """Adam for one network and one stage.

    Args:
      optimizer: `config.optimizer`.
      learning_rate: at the first step of the schedule.
      steps: length of the stage.

    Raises:
      UserError: unknown schedule.
    """
    make_schedule = lookup(SCHEDULES, optimizer.schedule, "config.optimizer.schedule")
    return optax.adam(
        make_schedule(learning_rate, steps), b1=optimizer.b1, b2=optimizer.b2, eps=optimizer.epsilon
    )
