"""A run as a list of stages."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from facealign.errors import UserError, lookup
from facealign.names import GENERATOR, ROLES

OF_TURNED = ("frontalize", "recognize")  # objectives that see R's photos turned
JUDGED = ("adversarial", "cycle", "attribute")  # that cannot do without a discriminator
NEEDED = {  # roles that objectives need, besides what their loss weights ask for; others: `USUAL`
    "frontalize": ("encoder", "decoder_r"),
    "recognize": ("recognizer",),
    "attribute": ("encoder", "decoder_r"),
    "cycle": (*GENERATOR, "discriminator_u"),
}
USUAL = ("encoder", "decoder_u", "decoder_r")


class Stage(NamedTuple):
    """One line of `config.run`: what is minimized, over which steps, by changing which networks."""

    name: str
    objective: str
    start: int  # step of the run before the first of this stage
    steps: int
    train: tuple[str, ...]
    learning_rate: float
    loss_weights: dict[str, float]

    @property
    def end(self) -> int:
        """Step of the run after the last of this stage."""
        return self.start + self.steps

    @property
    def judged(self) -> bool:
        """Whether a discriminator takes part."""
        return self.objective in JUDGED or (
            self.objective == "frontalize" and "adversarial" in self.loss_weights
        )

    @property
    def recognizes(self) -> bool:
        """Whether a recognizer takes part."""
        return self.objective == "recognize" or "identity" in self.loss_weights


def create_stages(config: Any) -> tuple[Stage, ...]:
    """The stages of `config.run` in order.

    Raises:
      UserError: an empty run, an unknown or repeated stage, an unknown role, a stage without
        steps or networks.
    """
    if not config.run:
        raise UserError(
            "config.run is empty; name the stages to run, for instance 'reconstruction'"
        )
    if len(set(config.run)) < len(config.run):
        raise UserError(
            f"config.run={tuple(config.run)} names a stage twice; copy it under a new name"
        )
    stages, start = [], 0
    for name in config.run:
        values = lookup(config.stages, name, "config.run")
        where = f"config.stages.{name}"
        if values.steps < 1:
            raise UserError(f"{where}.steps={values.steps}; give at least 1")
        if not values.train:
            raise UserError(f"{where}.train is empty; choose from: {', '.join(ROLES)}")
        for role in values.train:
            lookup(dict.fromkeys(ROLES), role, f"{where}.train")
        stages.append(
            Stage(
                name=name,
                objective=values.objective,
                start=start,
                steps=values.steps,
                train=tuple(values.train),
                learning_rate=values.learning_rate,
                loss_weights=dict(values.loss_weights),
            )
        )
        start += values.steps
    return tuple(stages)


def learns(config: Any, *objectives: str) -> bool:
    """Whether a stage of the run has one of these objectives."""
    return any(config.stages[name].objective in objectives for name in config.run)


def roles_of(stages: Sequence[Stage]) -> tuple[str, ...]:
    """Roles that a run of these stages needs.

    The discriminator only where a stage is judged, the recognizer only where one recognizes, a
    pool only where one trains with it.
    """
    needed = {role for stage in stages for role in NEEDED.get(stage.objective, USUAL)}
    needed |= {role for stage in stages for role in stage.train if role.startswith("pool")}
    if any(stage.judged for stage in stages):
        needed.add("discriminator")
    if any("code" in stage.loss_weights for stage in stages):
        needed.add("code_critic")
    if any(stage.recognizes for stage in stages):
        needed.add("recognizer")
    return tuple(role for role in ROLES if role in needed)
