"""The fixed names of facealign: two domains of photos, five networks, and how they connect."""

DOMAINS = ("unrestricted", "restricted")  # U: people looking anywhere; R: frontal, mugshot style
ROLES = ("encoder", "decoder_u", "decoder_r", "discriminator", "recognizer")

Route = tuple[str, str]  # the domain of the input and the decoder that its code goes to

RECONSTRUCTION: dict[str, Route] = {
    "decoder_u": ("unrestricted", "decoder_u"),
    "decoder_r": ("restricted", "decoder_r"),
}
SWAP: Route = ("unrestricted", "decoder_r")
