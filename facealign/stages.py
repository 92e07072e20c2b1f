"""A run as a list of stages, and the table of objectives that a stage can minimize."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from facealign.errors import UserError, check_choice, lookup
from facealign.names import CRITICS, DOMAINS, GENERATOR, POOLS, ROLES

AUTOENCODERS = ("encoder", "decoder_u", "decoder_r")
FRONTALIZER = ("encoder", "decoder_r")
HEAD_FIELDS = ("landmarks", "known", "rotation", "posed", "identity", "expression", "shaped")
MOVES = ("flip", "shift", "zoom", "rotation", "input_warp")  # of config.augment
CHANGES = (*MOVES, "brightness", "contrast", "light", "noise")
KNOWS_POSE = "uses the yaw of heads"
MIRRORS = "mirrors R's photos itself, about the middle of the face, not of the crop"


class Objective(NamedTuple):
    """What a stage can minimize; `training.steps.table` makes the step for it."""

    needs: tuple[str, ...]  # roles that have to exist
    trains: tuple[str, ...]  # roles that it has gradients for
    # Further roles if a loss term has a weight: term -> roles.
    needs_with: Mapping[str, tuple[str, ...]] = {}
    trains_with: Mapping[str, tuple[str, ...]] = {}
    rotated: bool = False  # whether its batches have R's photos turned by the generic head
    labels: tuple[tuple[str, str], ...] = ()  # (field, domain) in its batches, besides images
    alters: tuple[str, ...] = ()  # changes of config.augment that have to be off, and why
    why_alters: str = "makes such changes itself"
    why_no_flip: str = ""  # why config.augment.flip has to be off; "": it may be on
    model: str = ""  # the only config.model.name and config.discriminator.name; "": any


OBJECTIVES: dict[str, Objective] = {
    "reconstruction": Objective(needs=AUTOENCODERS, trains=AUTOENCODERS),
    "paired": Objective(needs=AUTOENCODERS, trains=FRONTALIZER),
    "adversarial": Objective(
        needs=(*AUTOENCODERS, "discriminator"),
        needs_with={"code": ("code_critic",)},
        trains=(*FRONTALIZER, "discriminator"),
        trains_with={"reconstruction": ("decoder_u",), "code": ("code_critic",)},
    ),
    "cycle": Objective(
        needs=(*GENERATOR, *CRITICS.values()),
        trains=(*GENERATOR, *CRITICS.values(), *POOLS.values()),
    ),
    "attribute": Objective(
        needs=(*FRONTALIZER, "discriminator"),
        trains=(*FRONTALIZER, "discriminator"),
        labels=(("yaw", "unrestricted"), ("yaw", "restricted")),
        why_no_flip=KNOWS_POSE,
        model="attribute",
    ),
    "frontalize": Objective(
        needs=FRONTALIZER,
        needs_with={"adversarial": ("discriminator",), "identity": ("recognizer",)},
        trains=FRONTALIZER,
        trains_with={"adversarial": ("discriminator",)},
        rotated=True,
        labels=(("yaw", "unrestricted"),),
        why_no_flip=MIRRORS,
    ),
    "recognize": Objective(
        needs=("recognizer",),
        trains=("recognizer",),
        rotated=True,
        labels=(("yaw", "unrestricted"), ("subject", "unrestricted"), ("subject", "restricted")),
        why_no_flip=MIRRORS,
    ),
    "read": Objective(
        needs=("reader",),
        trains=("reader",),
        labels=tuple((field, domain) for domain in DOMAINS for field in HEAD_FIELDS),
        alters=MOVES,
    ),
    "cut_out": Objective(
        needs=("matte",),
        trains=("matte",),
        labels=tuple((field, domain) for domain in DOMAINS for field in ("alpha", "sure")),
        alters=CHANGES,
    ),
    "detect": Objective(
        needs=("detector",),
        trains=("detector",),
        labels=(("ball", "unrestricted"), ("up", "unrestricted")),
        alters=CHANGES,
    ),
    "verify": Objective(
        needs=("detector", "verifier"),
        trains=("verifier",),
        labels=(("ball", "unrestricted"), ("up", "unrestricted")),
        alters=CHANGES,
    ),
    "complete": Objective(
        needs=("completion",),
        needs_with={"adversarial": ("discriminator",)},
        trains=("completion",),
        trains_with={"adversarial": ("discriminator",)},
        labels=(("yaw", "unrestricted"), ("maps", "unrestricted")),
        alters=(*MOVES, "contrast"),
        why_alters="has pairs, with maps, that would no longer match",
    ),
}


class Stage(NamedTuple):
    """One entry of `config.run`: what it minimizes, for how long, and which networks it trains."""

    name: str
    objective: str  # a name of `OBJECTIVES`
    start: int  # steps of the run before this stage
    steps: int
    train: tuple[str, ...]  # roles
    learning_rate: float
    loss_weights: dict[str, float]

    @property
    def end(self) -> int:
        """Steps of the run up to the end of this stage."""
        return self.start + self.steps

    @property
    def needs(self) -> tuple[str, ...]:
        """Roles that the stage cannot run without, with the pools that it trains."""
        objective = OBJECTIVES[self.objective]
        pools = (role for role in self.train if role in POOLS.values())
        return (*objective.needs, *self._weighted(objective.needs_with), *pools)

    @property
    def may_train(self) -> tuple[str, ...]:
        """Roles that the stage has gradients for."""
        objective = OBJECTIVES[self.objective]
        return (*objective.trains, *self._weighted(objective.trains_with))

    @property
    def uses_gan(self) -> bool:
        """Whether the stage needs a discriminator."""
        return "discriminator" in self.needs

    def _weighted(self, roles: Mapping[str, tuple[str, ...]]) -> list[str]:
        """Roles of the loss terms that have a weight in this stage."""
        # A reconstruction of weight 0 is not computed, so no role gets a gradient from it.
        given = {name for name, w in self.loss_weights.items() if name != "reconstruction" or w}
        return [role for name, added in roles.items() if name in given for role in added]


def create_stages(config: Any) -> tuple[Stage, ...]:
    """The stages of `config.run` in order.

    Raises:
      UserError: an empty run, an unknown or repeated stage, an unknown objective or role, a stage
        without steps or networks.
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
            check_choice(role, ROLES, f"{where}.train")
        check_choice(values.objective, OBJECTIVES, f"{where}.objective")
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


def has_objective(stages: Sequence[Stage], *objectives: str) -> bool:
    """Whether a stage of the run has one of these objectives."""
    return any(stage.objective in objectives for stage in stages)


def sees_rotated(stages: Sequence[Stage]) -> bool:
    """Whether a stage of the run uses turned R photos."""
    return any(OBJECTIVES[stage.objective].rotated for stage in stages)


def roles_of(stages: Sequence[Stage]) -> tuple[str, ...]:
    """Roles that these stages need, in the order of `ROLES`."""
    needed = {role for stage in stages for role in stage.needs}
    return tuple(role for role in ROLES if role in needed)
