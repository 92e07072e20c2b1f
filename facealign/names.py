"""The fixed names of facealign: two domains of photos, the networks, and how they connect."""

from collections.abc import Collection

DOMAINS = ("unrestricted", "restricted")  # U: people looking anywhere; R: frontal, mugshot style
ROLES = (
    "encoder",
    "encoder_r",  # of R's photos, for U's decoder, where each direction has an encoder of its own
    "decoder_u",
    "decoder_r",
    "discriminator",  # of R's photos
    "discriminator_u",
    "pool_u",  # earlier fakes that the discriminator of that domain is shown
    "pool_r",
    "recognizer",
    "code_critic",  # tells codes of R's photos from those of U's
)
GENERATOR = ("encoder", "encoder_r", "decoder_u", "decoder_r")  # what makes images

Route = tuple[str, str]  # the domain of the input and the decoder that its code goes to

RECONSTRUCTION: dict[str, Route] = {
    "decoder_u": ("unrestricted", "decoder_u"),
    "decoder_r": ("restricted", "decoder_r"),
}
# By the domain of the photos that they judge, or keep.
CRITICS = {"unrestricted": "discriminator_u", "restricted": "discriminator"}
POOLS = {"unrestricted": "pool_u", "restricted": "pool_r"}

SWAP: Route = ("unrestricted", "decoder_r")


def encoder_of(decoder: str, roles: Collection[str]) -> str:
    """The encoder whose codes a decoder of these roles is made for."""
    return "encoder_r" if decoder == "decoder_u" and "encoder_r" in roles else "encoder"
