"""The medium autoencoder and one training step in PyTorch: the twin that facealign is timed by.

Needs only requirements.txt, in an environment of its own. The other side of a benchmark starts

    python torch_medium.py --batch_size=32 --steps=5

and writes a line 'run' for each round; for each round this program takes --steps training steps
in every variant and answers with one line of JSON a variant, {"variant": ..., "ms": ...}, the
median time of a step. So the two sides can take turns on the same machine. It ends with its input.

    python torch_medium.py --summary

prints the numbers of parameters, to show that both sides train the same network.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable

import torch
from torch import nn

MEMORY_FORMATS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}


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
        layers += [nn.ReLU() if c == 1 else nn.LeakyReLU(0.01), batch_norm(d, use_scale=c == 1)]
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


def create_step(batch_size: int, memory_format: torch.memory_format) -> Callable[[], float]:
    """Returns a function that takes one L1 + Adam step and returns the loss."""
    torch.manual_seed(0)
    model = nn.Sequential(create_encoder(), create_decoder()).to(memory_format=memory_format)
    images = torch.rand(batch_size, 1, 128, 128) * 2 - 1
    images = images.contiguous(memory_format=memory_format)
    params = [p for p in model.parameters() if p.requires_grad]
    adam = torch.optim.Adam(params, lr=2e-4, betas=(0.5, 0.999))

    def step() -> float:
        adam.zero_grad(set_to_none=True)
        loss = (model(images) - images).abs().mean()
        loss.backward()
        adam.step()
        return loss.item()

    return step


def print_summary() -> None:
    """Counts as in the report: the encoder's trainable parameters, all that the decoder stores."""
    encoder, decoder = create_encoder(), create_decoder()
    trainable = sum(p.numel() for p in encoder.parameters() if p.requires_grad)
    stored = sum(p.numel() for p in decoder.parameters())
    stored += sum(b.numel() for b in decoder.buffers() if b.dim())  # running means and variances
    print(json.dumps({"encoder_trainable": trainable, "decoder_with_batch_stats": stored}))


def main() -> None:
    """Reads the flags, warms every variant up, and answers 'run' lines until the input ends."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--batch_size", type=int, default=32, help="images in a batch")
    parser.add_argument("--steps", type=int, default=5, help="training steps in a round")
    parser.add_argument("--summary", action="store_true", help="print parameter counts and stop")
    args = parser.parse_args()
    if args.summary:
        print_summary()
        return
    steps = {name: create_step(args.batch_size, f) for name, f in MEMORY_FORMATS.items()}
    for step in steps.values():
        step()
        step()
    for line in sys.stdin:
        if line.strip() != "run":
            continue
        for name, step in steps.items():
            times = []
            for _ in range(args.steps):
                start = time.perf_counter()
                step()
                times.append(1e3 * (time.perf_counter() - start))
            print(json.dumps({"variant": name, "ms": statistics.median(times)}), flush=True)


if __name__ == "__main__":
    main()
