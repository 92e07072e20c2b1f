"""The report's second experiment: reconstruct, pre-train the discriminator, go adversarial.

Variants: `:faithful` is that of `medium_reconstruction`, without L1 in the adversarial stage;
`:lfw` uses the report's data, people of the news (U) and mugshots (R), in `config.data.manual_dir`;
`:code` adds a critic that keeps the codes of both domains alike.
"""

from ml_collections import ConfigDict

from configs import base, medium_reconstruction


def get_config(variant: str = "") -> ConfigDict:
    own = base.choose(variant, {"": "", "faithful": "faithful", "lfw": "", "code": ""})
    config = medium_reconstruction.get_config(own)
    config.run = ("reconstruction", "discriminator", "adversarial")
    config.stages.discriminator = base.stage(
        "adversarial", 100, ("discriminator",), 2e-4, discriminator=1.0
    )
    faithful = variant == "faithful"
    config.stages.adversarial = base.stage(
        "adversarial",
        250,
        ("encoder", "decoder_r", "discriminator", *(() if faithful else ("decoder_u",))),
        2e-4,
        reconstruction=0.0 if faithful else 10.0,
        adversarial=1.0 if faithful else 0.03,
        discriminator=1.0,
    )
    if variant == "code":
        config.stages.adversarial.train += ("code_critic",)
        config.stages.adversarial.loss_weights.update(code=0.1, code_critic=1.0)
    if variant == "lfw":
        config.data.unrestricted = "lfw"
        config.data.restricted = "mugshots"
        config.augment.rotation = 10.0
        config.augment.zoom = 0.05
        config.augment.input_warp = 2.5
    return config
