"""Fixed names: the version, the domains of photos, roles of networks, routes between them."""

from collections.abc import Collection

VERSION = "0.1.0"  # of facealign
DOMAINS = ("unrestricted", "restricted")  # U: people looking anywhere; R: frontal, mugshot style
ROLES = (
    "encoder",
    "encoder_r",  # of R's photos, for U's decoder, if each direction has its own encoder
    "decoder_u",
    "decoder_r",
    "discriminator",  # of R's photos
    "discriminator_u",
    "pool_u",  # earlier fakes, shown to the discriminator of that domain
    "pool_r",
    "recognizer",
    "code_critic",  # tells codes of R's photos from codes of U's photos
    "reader",  # reads pose, shape and landmarks of heads
    "matte",  # tells people from what is behind them
    "detector",  # finds faces
    "verifier",  # tells whether what it found is one
    "completion",  # mends portraits that were turned in 3D
)
GENERATOR = ("encoder", "encoder_r", "decoder_u", "decoder_r")  # the roles that make images
FAKERS = (*GENERATOR, "completion")  # whose images a discriminator may judge

Route = tuple[str, str]  # the domain of the input and the decoder that its code goes to

RECONSTRUCTION: dict[str, Route] = {
    "decoder_u": ("unrestricted", "decoder_u"),
    "decoder_r": ("restricted", "decoder_r"),
}
# By the domain of the photos that a critic judges or a pool keeps.
CRITICS = {"unrestricted": "discriminator_u", "restricted": "discriminator"}
POOLS = {"unrestricted": "pool_u", "restricted": "pool_r"}

SWAP: Route = ("unrestricted", "decoder_r")


def encoder_of(decoder: str, roles: Collection[str]) -> str:
    """The role of the encoder whose codes a decoder takes."""
    return "encoder_r" if decoder == "decoder_u" and "encoder_r" in roles else "encoder"
