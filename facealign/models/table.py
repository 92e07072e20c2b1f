"""Tables of the networks, and the function that creates them from a config."""

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any

from flax import linen as nn

from facealign.errors import UserError, lookup
from facealign.models import (
    attribute,
    completion,
    critics,
    detector,
    ftgan,
    hourglass,
    image_pool,
    light,
    matte,
    medium,
    reader,
    recognizer,
    verifier,
    warp,
)

MODELS: dict[str, tuple[type[nn.Module], type[nn.Module]]] = {
    "light": (light.Encoder, light.Decoder),
    "medium": (medium.Encoder, medium.Decoder),
    "hourglass": (hourglass.Encoder, hourglass.Decoder),
    "warp": (warp.Encoder, warp.Decoder),
    "attribute": (attribute.Encoder, attribute.Decoder),
    "ftgan": (ftgan.Encoder, ftgan.Decoder),
}
CRITICS: dict[str, type[nn.Module]] = {
    "patches": critics.Discriminator,
    "scales": critics.ScalesCritic,
    "face": critics.FaceCritic,
    "attribute": attribute.Critic,
}


def create_modules(config: Any, roles: Iterable[str]) -> dict[str, nn.Module]:
    """The Linen module of each role. All decoders of a run have the same architecture.

    Raises:
      UserError: the model or discriminator is unknown; the model cannot halve the image size often
        enough; or the config wants a variational code from a model with skips around its code.
    """
    return {role: MAKERS[role](config) for role in roles}


def _create_encoder(config: Any) -> nn.Module:
    encoder, model, size = _classes(config)[0], config.model, config.data.image_size
    if model.kl_weight > 0 and "variational" not in _fields(encoder):
        raise UserError(
            f"config.model.kl_weight={model.kl_weight} needs a variational code, but skips bypass "
            f"the code of {model.name!r}; set it to 0 or choose light or medium"
        )
    encoder = _from_config(encoder, config)
    if size < encoder.image_multiple or size % encoder.image_multiple:
        raise UserError(
            f"config.data.image_size={size} does not fit config.model.name={model.name!r}; "
            f"choose a multiple of {encoder.image_multiple}"
        )
    return encoder


def _create_decoder(config: Any) -> nn.Module:
    decoder = _classes(config)[1]
    if config.data.channels != 1 and "channels" not in _fields(decoder):
        raise UserError(
            f"config.data.channels={config.data.channels}, but config.model.name="
            f"{config.model.name!r} makes gray images only; set it to 1 or choose another model"
        )
    return _from_config(decoder, config)


def _create_discriminator(config: Any) -> nn.Module:
    critic = config.discriminator
    return lookup(CRITICS, critic.name, "config.discriminator.name")(critic.features)


def _create_code_critic(_: Any) -> nn.Module:
    return critics.CodeCritic()


def _create_pool(config: Any) -> nn.Module:
    return image_pool.ImagePool(config.discriminator.pool)


def _create_recognizer(config: Any) -> nn.Module:
    return recognizer.Recognizer(config.recognizer.people)


def _create_reader(_: Any) -> nn.Module:
    return reader.Reader()


def _create_matte(_: Any) -> nn.Module:
    return matte.Matte()


def _create_detector(_: Any) -> nn.Module:
    return detector.Detector()


def _create_verifier(_: Any) -> nn.Module:
    return verifier.Verifier()


def _create_completion(_: Any) -> nn.Module:
    return completion.Completion()


MAKERS: dict[str, Callable[[Any], nn.Module]] = {
    "encoder": _create_encoder,
    "encoder_r": _create_encoder,
    "decoder_u": _create_decoder,
    "decoder_r": _create_decoder,
    "discriminator": _create_discriminator,
    "discriminator_u": _create_discriminator,
    "pool_u": _create_pool,
    "pool_r": _create_pool,
    "recognizer": _create_recognizer,
    "code_critic": _create_code_critic,
    "reader": _create_reader,
    "matte": _create_matte,
    "detector": _create_detector,
    "verifier": _create_verifier,
    "completion": _create_completion,
}


def _classes(config: Any) -> tuple[type[nn.Module], type[nn.Module]]:
    return lookup(MODELS, config.model.name, "config.model.name")


def _fields(module: type[nn.Module]) -> set[str]:
    return {field.name for field in dataclasses.fields(module)} - {"parent", "name"}


def _from_config(module: type[nn.Module], config: Any) -> nn.Module:
    values = dict(config.model) | {"variational": config.model.kl_weight > 0}
    values |= {"image_size": config.data.image_size, "channels": config.data.channels}
    return module(**{name: values[name] for name in _fields(module) if name in values})
