"""Every value that a run depends on but those of its stages, with its unit.

Other configs are differences from this one, and have the stages.
"""

from collections.abc import Mapping
from typing import TypeVar

from ml_collections import ConfigDict

Value = TypeVar("Value")

ROLES = ("encoder", "encoder_r", "decoder_u", "decoder_r", "discriminator", "discriminator_u",
         "pool_u", "pool_r", "recognizer", "code_critic", "reader", "matte",
         "detector", "verifier", "completion")  # fmt: skip
PHOTOS = {  # of U and R; archives of "lfw" are in config.data.manual_dir
    "": ("orl_faces-framed", "orl_faces-framed"),
    "lfw": ("lfw+cfp", "lfw-frontal+mugshots"),
}


def get_config() -> ConfigDict:
    config = ConfigDict()
    config.seed = 0  # initial weights, order of the photos, augmentation, sampled codes
    # Source of the initial networks: a workdir, packed weights, or several joined by +.
    config.init_from = ""
    config.init_roles = ()  # roles to take from it; () takes all that both runs have

    config.data = _data()
    config.augment = _augment()  # training images only; both domains use the same random numbers
    config.model = _model()
    config.discriminator = _discriminator()
    config.recognizer = ConfigDict()
    config.recognizer.people = 4096  # people that it can tell apart; at least those in training
    config.optimizer = _optimizer()

    config.run = ()  # names of stages, in the order in which they run
    config.stages = ConfigDict()

    mesh = config.mesh = ConfigDict()  # devices of the run; results do not depend on it
    mesh.data = 0  # devices that a batch is split over; 0: all devices of all processes
    config.accumulate = 1  # parts of a batch, computed one after another for one update

    config.steps_per_call = 1  # above 1, a GPU or TPU waits less between steps; on a CPU keep 1
    config.log_every = 10  # steps between two rows of metrics.jsonl
    config.evaluate_every = 50  # steps between two evaluations; a multiple of log_every
    config.checkpoint_every = 250  # steps between two checkpoints; a multiple of evaluate_every
    config.evaluate_examples = 64  # held-out images of each domain in an evaluation
    config.best_metric = "l1/reconstruction_r"  # the checkpoint with its lowest value is kept
    config.monitors = _monitors()
    return config


def _data() -> ConfigDict:
    """Which photos a run uses, where they are, and how they are read."""
    data = ConfigDict()
    data.unrestricted = "orl_faces"  # dataset of domain U: people looking anywhere
    data.restricted = "orl_faces"  # dataset of domain R: frontal, mugshot style
    data.paired = False  # True: the i-th R image is the target of the i-th U image
    data.data_dir = ""  # prepared datasets; "" is ~/tensorflow_datasets
    data.manual_dir = ""  # archives or photos not downloaded; "" is data_dir/downloads/manual
    data.faces = "known"  # detect: search for faces of unknown position, and measure their pose
    # What is cut out of a photo: the canonical crop; or portrait, 33 cm around the head.
    data.frame = "canonical"
    data.channels = 1  # 1: gray, 3: colour
    data.image_size = 128  # px, height and width
    data.batch_size = 16  # images of each domain in a step
    data.uniform_yaw = False  # True: every 10 degrees of yaw of U come equally often
    data.memory_mb = 4096.0  # MiB of decoded photos of a split; more are streamed from disk
    data.on_device = "auto"  # or true, false: photos in the device's memory; auto: if they fit
    data.frontal_yaw = 8.0  # degrees; a photo belongs to R if all three angles are below these
    data.frontal_pitch = 10.0
    data.frontal_roll = 10.0
    data.polygon_pairs = 4000  # drawn triangles, before the split
    data.polygon_seed = 0
    return data


def _augment() -> ConfigDict:
    """Random changes of images; by default none."""
    augment = ConfigDict()
    augment.flip = False  # mirror every second image
    augment.shift = 0  # px, at most, in each direction
    augment.zoom = 0.0  # 0.05: scale by 1 / 1.05 to 1.05
    augment.rotation = 0.0  # degrees, at most
    augment.brightness = 0.0  # added to images in [-1, 1], at most
    augment.contrast = 0.0  # 0.2: from 0.8 to 1.2 times
    augment.light = 0.0  # 0.5: from one side, 1.5 times as bright there, half as bright opposite
    augment.exchange = 0.0  # share of images that get parts of another one of the batch
    augment.noise = 0.0  # standard deviation, images in [-1, 1]
    augment.input_warp = 0.0  # px, standard deviation at 5 x 5 points; targets stay as they are
    return augment


def _model() -> ConfigDict:
    """The encoder and the decoders."""
    model = ConfigDict()
    model.name = "medium"  # light, medium, hourglass, warp, attribute or ftgan
    # Computation dtype. Or bfloat16, with float32 weights; or float64 (JAX_ENABLE_X64=1).
    model.dtype = "float32"
    # Last activation of medium, hourglass and attribute: tanh, sigmoid or relu.
    model.output = "tanh"
    model.remat = False  # True: recomputes inner maps instead of keeping them; less memory, slower
    model.kl_weight = 0.0  # above 0 the code is variational, with this weight for the KL term
    model.features = 64  # hourglass: channels
    model.stacks = 2  # hourglass: number of stacks, each with its own loss
    model.scales = 4  # hourglass: how often each stack halves the map
    return model


def _discriminator() -> ConfigDict:
    """The discriminator, its loss and its penalties."""
    discriminator = ConfigDict()
    discriminator.name = "patches"  # scales: of two sizes; face: of photo and parts; or attribute
    discriminator.features = 32  # channels of the first layer
    discriminator.loss = "cross_entropy"  # or one of training.losses.GAN_LOSSES
    discriminator.r1_weight = 0.0  # gradient penalty on real images; 0 is off
    discriminator.r1_every = 16  # steps between two R1 penalties
    discriminator.gp_weight = 0.0  # gradient penalty between real images and fakes; for wasserstein
    discriminator.pool = 50  # earlier fakes that are kept, if pool_u and pool_r train
    discriminator.augment = _augment()  # for its inputs, real photos and fakes alike
    return discriminator


def _optimizer() -> ConfigDict:
    """Adam, one for each network, or Muon for its kernels."""
    optimizer = ConfigDict()
    optimizer.b1 = 0.5
    optimizer.b2 = 0.999
    optimizer.epsilon = 1e-7
    # Or linear, cosine: from learning_rate to 0 over a stage; late_linear: over its second half;
    # warm_cosine: first from 0 over a 20th of it.
    optimizer.schedule = "constant"
    optimizer.learning_rate_scale = ConfigDict(dict.fromkeys(ROLES, 1.0))  # times the stage's rate
    # Above 0, kernels of convolutions learn by Muon, at this many times the network's rate.
    optimizer.muon = ConfigDict(dict.fromkeys(ROLES, 0.0))
    # Moving average of the weights, used to evaluate; 0 is off.
    optimizer.ema_decay = ConfigDict(dict.fromkeys(ROLES, 0.0))
    return optimizer


def _monitors() -> ConfigDict:
    """Limits beyond which an alarm is logged."""
    monitors = ConfigDict()
    monitors.spike = 3.0  # discriminator loss above this many times its recent median
    monitors.saturation = 0.99  # discriminator accuracy on real and fake at or above this
    monitors.freeze = 1e-3  # mean output change between evaluations below this ([-1, 1] scale)
    monitors.collapse = 0.1  # diversity of outputs below this share of the inputs' diversity
    return monitors


def stage(
    objective: str, steps: int, train: tuple[str, ...], learning_rate: float, **loss_weights: float
) -> ConfigDict:
    """One stage of a run: what it minimizes, for how long, and which networks it trains."""
    return ConfigDict(
        dict(
            objective=objective,  # a name of facealign/stages.py:OBJECTIVES
            steps=steps,
            train=train,  # roles; all others are frozen
            learning_rate=learning_rate,
            loss_weights=loss_weights,
        )
    )


def choose(variant: str, values: Mapping[str, Value]) -> Value:
    """The value for a config's variant, `configs/NAME.py:VARIANT`; "" is the config itself."""
    if variant not in values:
        raise ValueError(
            f"variant {variant!r} is unknown; choose from: {', '.join(filter(None, values))}"
        )
    return values[variant]


def shorten(config: ConfigDict, **steps: int) -> None:
    """Stages get fewer steps, for a first run of some ten minutes on two CPU cores."""
    for name, count in steps.items():
        config.stages[name].steps = count
    config.log_every, config.evaluate_every, config.checkpoint_every = 10, 100, 100
