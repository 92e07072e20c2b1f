"""The medium networks and their train steps in PyTorch: the twins that facealign is timed by.

Needs only requirements.txt, in an environment of its own. turns.py says how to call it.
"""

import functools
from collections.abc import Callable

import torch
import turns
from torch import nn
from torch.nn import functional

Prepare = Callable[[nn.Module], nn.Module]  # brings a network into the form of a variant

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


def create_discriminator() -> nn.Sequential:
    """[B, 1, 128, 128] -> patch logits [B, 1, 32, 32], by SAME padding."""
    same = nn.ZeroPad2d((1, 2, 1, 2))
    layers: list[nn.Module] = []
    for c, d, stride in [(1, 32, 2), (32, 64, 2), (64, 128, 1)]:
        pad = [same] if stride == 1 else []
        layers += [*pad, nn.Conv2d(c, d, 4, stride, padding=1 if stride == 2 else 0)]
        layers += [nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, same, nn.Conv2d(128, 1, 4))


def adam(module: nn.Module) -> torch.optim.Adam:
    params = [p for p in module.parameters() if p.requires_grad]
    return torch.optim.Adam(params, lr=2e-4, betas=(0.5, 0.999), eps=1e-7)


def prepare(module: nn.Module, memory_format: torch.memory_format, compiled: bool) -> nn.Module:
    module = module.to(memory_format=memory_format)
    if compiled:
        module.compile()
    return module


def create_autoencoder_step(
    generator: nn.Module, images: torch.Tensor, _: Prepare
) -> Callable[[], float]:
    """One L1 and Adam step; returns the loss."""
    optimizer = adam(generator)

    def step() -> float:
        optimizer.zero_grad(set_to_none=True)
        loss = (generator(images) - images).abs().mean()
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def create_adversarial_step(
    generator: nn.Module, images: torch.Tensor, prepare: Prepare
) -> Callable[[], float]:
    """One step of both sides at the old weights; every network runs forward once.

    The images are the input of the generator and the real photos of the discriminator as well.
    """
    critic = prepare(create_discriminator())
    optimizers = [adam(generator), adam(critic)]
    cross_entropy = functional.binary_cross_entropy_with_logits

    def step() -> float:
        fake = generator(images)
        on_fake, on_real = critic(fake), critic(images)
        generator_loss = cross_entropy(on_fake, torch.ones_like(on_fake))
        critic_loss = cross_entropy(on_fake, torch.zeros_like(on_fake))
        critic_loss = critic_loss + cross_entropy(on_real, torch.ones_like(on_real))
        for optimizer, loss in zip(optimizers, (generator_loss, critic_loss), strict=True):
            params = optimizer.param_groups[0]["params"]
            gradients = torch.autograd.grad(loss, params, retain_graph=loss is generator_loss)
            for p, gradient in zip(params, gradients, strict=True):
                p.grad = gradient
        for optimizer in optimizers:
            optimizer.step()
        return critic_loss.item()

    return step


def create_inference(
    generator: nn.Module, images: torch.Tensor, _: Prepare
) -> Callable[[], torch.Tensor]:
    """Images with running statistics."""
    generator.eval()

    def call() -> torch.Tensor:
        with torch.inference_mode():
            return generator(images)

    return call


TASKS = {
    "autoencoder": create_autoencoder_step,
    "adversarial": create_adversarial_step,
    "inference": create_inference,
}


VARIANTS = {  # whether torch.compile compiles it, and how images lie in memory
    f"PyTorch, {mode}, {name}": (mode == "compiled", memory_format)
    for name, memory_format in MEMORY_FORMATS.items()
    for mode in ("eager", "compiled")
}


def create_call(task: str, variant: str, batch_size: int, image_size: int) -> Callable:
    """What to time."""
    compiled, memory_format = VARIANTS[variant]
    torch.manual_seed(0)
    form = functools.partial(prepare, memory_format=memory_format, compiled=compiled)
    generator = form(nn.Sequential(create_encoder(), create_decoder()))
    images = torch.rand(batch_size, 1, image_size, image_size) * 2 - 1
    return TASKS[task](generator, images.contiguous(memory_format=memory_format), form)


def summarize() -> dict[str, int]:
    """Counts as in the report: the encoder's trainable parameters, all that the decoder stores."""
    encoder, decoder = create_encoder(), create_decoder()
    trainable = sum(p.numel() for p in encoder.parameters() if p.requires_grad)
    stored = sum(p.numel() for p in decoder.parameters())
    stored += sum(b.numel() for b in decoder.buffers() if b.dim())  # running means and variances
    return {"encoder_trainable": trainable, "decoder_with_batch_stats": stored}


if __name__ == "__main__":
    compiled = {name: compiled for name, (compiled, _) in VARIANTS.items()}
    turns.main(__doc__.split("\n")[0], TASKS, compiled, create_call, summarize)
