"""Adam, or Muon for kernels, and their schedules."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import optax

from facealign.errors import UserError, lookup
from facealign.training.muon import is_kernel, scale_by_muon

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
    optimizer: Any, role: str, learning_rate: float, steps: int
) -> optax.GradientTransformation:
    """Adam for one network and one stage; Muon for its kernels where `optimizer.muon` says so.

    Args:
      optimizer: `config.optimizer`.
      role: of the network.
      learning_rate: of the stage, at the first step of the schedule.
      steps: length of the stage.

    Raises:
      UserError: unknown schedule, or a negative rate for Muon.
    """
    make_schedule = lookup(SCHEDULES, optimizer.schedule, "config.optimizer.schedule")
    learning_rate *= optimizer.learning_rate_scale[role]
    adam = optax.adam(
        make_schedule(learning_rate, steps), b1=optimizer.b1, b2=optimizer.b2, eps=optimizer.epsilon
    )
    times = optimizer.muon[role]
    if times < 0:
        raise UserError(f"config.optimizer.muon.{role}={times} must not be negative")
    if not times:
        return adam
    rate = make_schedule(learning_rate * times, steps)
    muon = optax.chain(scale_by_muon(), optax.scale_by_learning_rate(rate))
    return optax.partition({"muon": muon, "adam": adam}, partial(jax.tree.map, _choose))


def _choose(weights: jax.Array) -> str:
    return "muon" if is_kernel(weights) else "adam"
