"""Train steps by objective: pure functions (state, batch, key) -> (state, metrics).

A `make_*_step` closes over networks, weights and rules. All gradients are taken at the old state.
Frozen roles use their running statistics and stay bit-identical. `stages.OBJECTIVES` says which
roles an objective needs and may train.
"""

from collections.abc import Callable, Mapping
from typing import Any

import jax

from facealign.data.augment import augment
from facealign.data.face_canvases import SIZE as CANVAS
from facealign.errors import UserError, check_choice
from facealign.geometry import matte_window, reader_window
from facealign.models import completion
from facealign.models.apply import Network
from facealign.names import RECONSTRUCTION
from facealign.stages import OBJECTIVES, Stage
from facealign.training import losses
from facealign.training.steps.adversarial import make_adversarial_step
from facealign.training.steps.attribute import make_attribute_step
from facealign.training.steps.autoencode import make_paired_step, make_reconstruction_step
from facealign.training.steps.complete import make_complete_step
from facealign.training.steps.cut_out import make_cut_out_step
from facealign.training.steps.cycle import make_cycle_step
from facealign.training.steps.detect import make_detect_step
from facealign.training.steps.forward import TrainStep
from facealign.training.steps.frontalize import make_frontalize_step
from facealign.training.steps.gan import GanRules
from facealign.training.steps.read import make_read_step
from facealign.training.steps.recognize import make_recognize_step
from facealign.training.steps.verify import make_verify_step

STEPS: dict[str, Callable[..., TrainStep]] = {
    "reconstruction": make_reconstruction_step,
    "paired": make_paired_step,
    "adversarial": make_adversarial_step,
    "cycle": make_cycle_step,
    "attribute": make_attribute_step,
    "frontalize": make_frontalize_step,
    "recognize": make_recognize_step,
    "read": make_read_step,
    "cut_out": make_cut_out_step,
    "detect": make_detect_step,
    "verify": make_verify_step,
    "complete": make_complete_step,
}
# Objective -> fields of config.data that it needs.
PHOTOS = {
    "read": {"channels": 3, "image_size": reader_window.STORED},
    "cut_out": {"channels": 3, "image_size": matte_window.STORED},
    "detect": {"channels": 1, "image_size": CANVAS},
    "verify": {"channels": 1, "image_size": CANVAS},
    "complete": {"channels": 3, "image_size": completion.SIZE, "paired": True},
}


def create_step(config: Any, networks: Mapping[str, Network], stage: Stage) -> TrainStep:
    """The step of a stage; the penalties of the config are added to the stage's loss weights.

    Raises:
      UserError: an unknown adversarial loss, a role that the objective cannot train, or a config
        that does not fit the objective.
    """
    check_stage(config, stage)
    weights = dict(stage.loss_weights)
    if config.model.kl_weight and "encoder" in stage.train:
        weights["kl"] = config.model.kl_weight
    if not stage.uses_gan:
        return STEPS[stage.objective](networks, stage.train, weights)
    critic = config.discriminator
    if critic.loss == "wasserstein" and ("code" in weights or not critic.gp_weight):
        raise UserError(
            "config.discriminator.loss='wasserstein' needs a critic with bounded gradients: set "
            "config.discriminator.gp_weight (10), and no loss weight for code"
        )
    if any(role.startswith("discriminator") for role in stage.train):
        penalties = {"r1": critic.r1_weight, "gradient_penalty": critic.gp_weight}
        weights |= {name: weight for name, weight in penalties.items() if weight}

    def see(images: jax.Array, key: jax.Array) -> jax.Array:
        return augment({"images": images}, key, critic.augment)["images"]

    rules = GanRules(losses.gan_loss(critic.loss), critic.r1_every, see)
    return STEPS[stage.objective](networks, stage.train, weights, rules)


def check_stage(config: Any, stage: Stage) -> None:
    """Checks that the config fits the objective of a stage.

    Raises:
      UserError: it does not.
    """
    objective = OBJECTIVES[stage.objective]
    for role in stage.train:
        check_choice(role, stage.may_train, f"config.stages.{stage.name}.train")
    if stage.objective == "reconstruction" and not set(stage.train) & set(RECONSTRUCTION):
        raise UserError(
            f"config.stages.{stage.name}.train={stage.train} has no decoder to reconstruct with; "
            "add one"
        )
    if objective.rotated and config.data.frame != "canonical":
        raise UserError(
            f"config.data.frame={config.data.frame!r}, but the {stage.objective} objective turns "
            "heads in canonical crops; set it to 'canonical'"
        )
    for name, value in PHOTOS.get(stage.objective, {}).items():
        if config.data[name] != value:
            raise UserError(
                f"config.data.{name}={config.data[name]}, but the {stage.objective} "
                f"objective needs {value}; set it to that"
            )
    for name in objective.alters:
        if config.augment[name]:
            raise UserError(
                f"config.augment.{name}={config.augment[name]}, but the {stage.objective} "
                f"objective {objective.why_alters}; set it to 0"
            )
    if objective.why_no_flip and config.augment.flip:
        raise UserError(
            f"config.augment.flip=True, but the {stage.objective} objective "
            f"{objective.why_no_flip}; set it to False"
        )
    fixed = objective.labels or config.data.paired
    for name, strengths in (("", config), ("discriminator.", config.discriminator)):
        if fixed and strengths.augment.exchange:
            raise UserError(
                f"config.{name}augment.exchange={strengths.augment.exchange}, but the "
                f"{stage.objective} objective needs whole photos, by their labels or pairs; "
                "set it to 0"
            )
    for part in ("model", "discriminator"):
        if objective.model and config[part].name != objective.model:
            raise UserError(
                f"config.{part}.name={config[part].name!r}, but the {stage.objective} objective "
                f"needs {objective.model!r}; set it to that"
            )
