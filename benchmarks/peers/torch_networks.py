"""The networks of facealign in PyTorch: the twins that it is timed by. All take [B, 1, H, H]."""

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional

HOURGLASS = {"features": 64, "scales": 4, "stacks": 2}  # as configs/base.py has them


def batch_norm(channels: int, use_scale: bool) -> nn.BatchNorm2d:
    """flax's BatchNorm(momentum=0.9, epsilon=1e-5), where momentum is the part that is kept."""
    norm = nn.BatchNorm2d(channels, eps=1e-5, momentum=0.1)
    norm.weight.requires_grad_(use_scale)
    return norm


def create_encoder() -> nn.Sequential:
    """[B, 1, 128, 128] -> code [B, 512, 2, 2]; no bias, and a scale in the first norm alone.

    padding=k // 2 is the idiom here; SAME pads as many rows, one less before and one more after.
    """
    layers: list[nn.Module] = []
    c = 1
    for k, d in [(7, 16), (5, 32), (5, 64), (5, 128), (5, 256), (5, 512)]:
        layers += [nn.Conv2d(c, d, k, stride=2, padding=k // 2, bias=False)]
        layers += [nn.ReLU() if c == 1 else nn.LeakyReLU(0.2), batch_norm(d, use_scale=c == 1)]
        c = d
    return nn.Sequential(*layers)


def create_decoder() -> nn.Sequential:
    """Code [B, 512, 2, 2] -> [B, 1, 128, 128] in (-1, 1)."""
    layers: list[nn.Module] = []
    c = 512
    for d in [256, 128, 64, 32, 16]:
        layers += [nn.ConvTranspose2d(c, d, 5, 2, padding=2, output_padding=1, bias=False)]
        layers += [nn.ReLU(), batch_norm(d, use_scale=True)]
        c = d
    layers += [nn.ConvTranspose2d(c, 1, 3, 2, padding=1, output_padding=1, bias=False), nn.Tanh()]
    return nn.Sequential(*layers)


def create_medium(_: int) -> tuple[nn.Module, nn.Module]:
    """Encoder and decoder for images of any multiple of 64 px."""
    return create_encoder(), create_decoder()


def create_light(image_size: int) -> tuple[nn.Module, nn.Module]:
    """Encoder and decoder for images of one size, a multiple of 16 px."""
    side = image_size // 16
    encoder: list[nn.Module] = [nn.Conv2d(1, 4, 7, 2, padding=3), batch_norm(4, use_scale=True)]
    for c, d in [(4, 8), (8, 16)]:
        encoder += [nn.Conv2d(c, d, 3, 2, padding=1), nn.LeakyReLU(0.2)]
    encoder += [nn.Flatten(), nn.Linear(64 * side * side, 256, bias=False)]
    encoder += [nn.Linear(256, 64, bias=False)]
    decoder: list[nn.Module] = [nn.Linear(64, 256, bias=False)]
    decoder += [nn.Linear(256, 16 * side * side, bias=False), nn.Unflatten(1, (16, side, side))]
    for c, d in [(16, 8), (8, 4), (4, 4), (4, 1)]:
        decoder += [nn.ConvTranspose2d(c, d, 3, 2, padding=1, output_padding=1), nn.Tanh()]
    return nn.Sequential(*encoder), nn.Sequential(*decoder)


def create_hourglass(_: int) -> tuple[nn.Module, nn.Module]:
    """Encoder to a list of maps, and decoder from it to one image a stack, [S, B, 1, H, W]."""
    return HourglassEncoder(**HOURGLASS), HourglassDecoder(**HOURGLASS)


class Residual(nn.Module):
    """Pre-activation bottleneck of c channels to d."""

    def __init__(self, c: int, d: int):
        super().__init__()
        layers: list[nn.Module] = []
        for i, o, k in [(c, d // 2, 1), (d // 2, d // 2, 3), (d // 2, d, 1)]:
            layers += [batch_norm(i, use_scale=True), nn.ReLU()]
            layers += [nn.Conv2d(i, o, k, padding=k // 2, bias=o == d)]
        self.way = nn.Sequential(*layers)
        self.skip = nn.Identity() if c == d else nn.Conv2d(c, d, 1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.way(x) + self.skip(x)


class Down(nn.Module):
    """A map to scales + 1 of them, each half as high as the one before."""

    def __init__(self, features: int, scales: int):
        super().__init__()
        self.kept = nn.ModuleList(Residual(features, features) for _ in range(scales + 1))
        self.halved = nn.ModuleList(Residual(features, features) for _ in range(scales))

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        pyramid = []
        for kept, halved in zip(self.kept, self.halved, strict=False):
            pyramid.append(kept(x))
            x = halved(functional.max_pool2d(x, 2))
        return [*pyramid, self.kept[-1](x)]


class HourglassEncoder(nn.Module):
    """Stem and first way down."""

    def __init__(self, features: int, scales: int, stacks: int):
        super().__init__()
        half = features // 2
        self.stem = nn.Sequential(
            nn.Conv2d(1, half, 7, 2, padding=3, bias=False),
            batch_norm(half, use_scale=True),
            nn.ReLU(),
            Residual(half, features),
            nn.MaxPool2d(2),
        )
        self.down = Down(features, scales)

    def forward(self, image: torch.Tensor) -> list[torch.Tensor]:
        return self.down(self.stem(image))


class HourglassDecoder(nn.Module):
    """First way up and all further stacks."""

    def __init__(self, features: int, scales: int, stacks: int):
        super().__init__()

        def times(create: Callable[[], nn.Module], count: int) -> nn.ModuleList:
            return nn.ModuleList(create() for _ in range(count))

        def point(c: int, d: int, bias: bool = False) -> nn.Module:
            return nn.Conv2d(c, d, 1, bias=bias)

        self.downs = times(lambda: Down(features, scales), stacks - 1)
        self.ups = times(lambda: times(lambda: Residual(features, features), scales), stacks)
        self.ends = times(
            lambda: nn.Sequential(
                Residual(features, features),
                point(features, features),
                batch_norm(features, use_scale=True),
                nn.ReLU(),
            ),
            stacks,
        )
        self.heads = times(lambda: point(features, 16, bias=True), stacks)
        self.of_ends = times(lambda: point(features, features), stacks - 1)
        self.of_heads = times(lambda: point(16, features), stacks - 1)

    def forward(self, pyramid: list[torch.Tensor]) -> torch.Tensor:
        images, x = [], pyramid[0]
        for stack, ups in enumerate(self.ups):
            *skips, y = pyramid if stack == 0 else self.downs[stack - 1](x)
            for skip, up in zip(reversed(skips), ups, strict=True):
                y = skip + functional.interpolate(up(y), scale_factor=2)
            y = self.ends[stack](y)
            blocks = self.heads[stack](y)
            images.append(torch.tanh(functional.pixel_shuffle(blocks, 4)))
            if stack + 1 < len(self.ups):
                x = x + self.of_ends[stack](y) + self.of_heads[stack](blocks)
        return torch.stack(images)


def create_discriminator() -> nn.Sequential:
    """[B, 1, 128, 128] -> patch logits [B, 1, 32, 32], by SAME padding."""
    same = nn.ZeroPad2d((1, 2, 1, 2))
    layers: list[nn.Module] = []
    for c, d, stride in [(1, 32, 2), (32, 64, 2), (64, 128, 1)]:
        pad = [same] if stride == 1 else []
        layers += [*pad, nn.Conv2d(c, d, 4, stride, padding=1 if stride == 2 else 0)]
        layers += [nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, same, nn.Conv2d(128, 1, 4))


NETWORKS: dict[str, Callable[[int], tuple[nn.Module, nn.Module]]] = {
    "light": create_light,
    "medium": create_medium,
    "hourglass": create_hourglass,
}
