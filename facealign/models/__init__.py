"""Networks, as (encoder, decoder) pairs of Linen modules, discriminators and the recognizer."""

import dataclasses
from typing import Any

from flax import linen as nn

from facealign.errors import UserError, lookup
from facealign.models import discriminator, face_critic, hourglass, light, medium, recognizer, warp

MODELS: dict[str, tuple[type[nn.Module], type[nn.Module]]] = {
    "light": (light.Encoder, light.Decoder),
    "medium": (medium.Encoder, medium.Decoder),
    "hourglass": (hourglass.Encoder, hourglass.Decoder),
    "warp": (warp.Encoder, warp.Decoder),
}
CRITICS: dict[str, type[nn.Module]] = {
    "patches": discriminator.Discriminator,
    "face": face_critic.FaceCritic,
}


def create_modules(model: Any, critic: Any, people: int, image_size: int) -> dict[str, nn.Module]:
    """The module of each role. Every decoder of a run has the same architecture.

    Args:
      model: `config.model`.
      critic: `config.discriminator`.
      people: how many a recognizer can learn to know.
      image_size: height and width in px.

    Raises:
      UserError: no such model or discriminator, an image size that it cannot halve often enough, or
        a variational code asked of a model that has skips around its code.
    """
    encoder, decoder = lookup(MODELS, model.name, "config.model.name")
    values = {**model, "image_size": image_size, "variational": model.kl_weight > 0}
    if values["variational"] and "variational" not in _fields(encoder):
        raise UserError(
            f"config.model.kl_weight={model.kl_weight} asks for a variational code, but skips lead "
            f"around the code of {model.name!r}; set it to 0 or choose light or medium"
        )
    encoder = _from_values(encoder, values)
    if image_size < encoder.image_multiple or image_size % encoder.image_multiple:
        raise UserError(
            f"config.data.image_size={image_size} does not fit config.model.name={model.name!r}; "
            f"choose a multiple of {encoder.image_multiple}"
        )
    return {
        "encoder": encoder,
        "decoder_u": _from_values(decoder, values),
        "decoder_r": _from_values(decoder, values),
        "discriminator": lookup(CRITICS, critic.name, "config.discriminator.name")(critic.features),
        "recognizer": recognizer.Recognizer(people),
    }


def _fields(module: type[nn.Module]) -> set[str]:
    return {field.name for field in dataclasses.fields(module)} - {"parent", "name"}


def _from_values(module: type[nn.Module], values: dict[str, Any]) -> nn.Module:
    return module(**{name: values[name] for name in _fields(module) if name in values})
