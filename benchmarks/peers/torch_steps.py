"""Train steps in PyTorch: the twins that facealign is timed by.

Needs only requirements.txt, in an environment of its own. turns.py says how to call it.
"""

import argparse
import functools
from collections.abc import Callable

import torch
import turns
from torch import nn
from torch.nn import functional
from torch_networks import NETWORKS, create_discriminator

Prepare = Callable[[nn.Module], nn.Module]  # brings a network into the form of a variant

MEMORY_FORMATS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}


def adam(module: nn.Module) -> torch.optim.Adam:
    params = [p for p in module.parameters() if p.requires_grad]
    return torch.optim.Adam(params, lr=2e-4, betas=(0.5, 0.999), eps=1e-7)


def prepare(module: nn.Module, memory_format: torch.memory_format, compiled: bool) -> nn.Module:
    module = module.to(memory_format=memory_format)
    if compiled:
        module.compile()
    return module


def outputs(images: torch.Tensor) -> torch.Tensor:
    """What a network makes as [S, B, 1, H, W], one a stack."""
    return images if images.dim() == 5 else images[None]


def create_autoencoder_step(
    generator: nn.Module, images: torch.Tensor, _: Prepare
) -> Callable[[], float]:
    """One L1 and Adam step; returns the loss."""
    optimizer = adam(generator)

    def step() -> float:
        optimizer.zero_grad(set_to_none=True)
        loss = sum((made - images).abs().mean() for made in outputs(generator(images)))
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
    critic = prepare(create_discriminator().to(images.device))
    optimizers = [adam(generator), adam(critic)]
    cross_entropy = functional.binary_cross_entropy_with_logits

    def step() -> float:
        fake = outputs(generator(images))[-1]
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
            made = generator(images)
            if made.is_cuda:
                torch.cuda.synchronize()
            return made

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


def create_call(args: argparse.Namespace, variant: str) -> Callable:
    """What to time."""
    compiled, memory_format = VARIANTS[variant]
    torch.manual_seed(0)
    form = functools.partial(prepare, memory_format=memory_format, compiled=compiled)
    generator = nn.Sequential(*NETWORKS[args.network](args.image_size)).to(args.device)
    images = torch.rand(args.batch_size, 1, args.image_size, args.image_size, device=args.device)
    images = (images * 2 - 1).contiguous(memory_format=memory_format)
    call = TASKS[args.task](form(generator), images, form)
    if args.dtype == "float32":
        return call
    return torch.autocast(args.device, getattr(torch, args.dtype))(call)


def summarize(network: str) -> dict[str, int]:
    """How many numbers train, and how many running statistics there are besides."""
    counts = {}
    for name, module in zip(("encoder", "decoder"), NETWORKS[network](128), strict=True):
        counts[name] = sum(p.numel() for p in module.parameters() if p.requires_grad)
        counts[f"{name}_batch_stats"] = sum(b.numel() for b in module.buffers() if b.dim())
    return counts


if __name__ == "__main__":
    compiled = {name: compiled for name, (compiled, _) in VARIANTS.items()}
    turns.main(__doc__.split("\n")[0], TASKS, compiled, NETWORKS, create_call, summarize)
