"""The medium networks and their train steps in Keras on TensorFlow, inside tf.function.

Needs only requirements-keras.txt, in an environment of its own. turns.py says how to call it.
"""

import argparse
import os
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import tensorflow as tf
import turns
from keras import layers


def batch_norm(use_scale: bool) -> layers.Layer:
    """flax's BatchNorm(momentum=0.9, epsilon=1e-5)."""
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5, scale=use_scale)


def create_encoder(size: int) -> keras.Sequential:
    """[B, size, size, 1] -> code [B, size / 64, size / 64, 512].

    No bias, and a scale in the first norm alone.
    """
    stack = [layers.Conv2D(16, 7, 2, "same", use_bias=False), layers.ReLU(), batch_norm(True)]
    for features in (32, 64, 128, 256, 512):
        stack += [layers.Conv2D(features, 5, 2, "same", use_bias=False)]
        stack += [layers.LeakyReLU(0.2), batch_norm(False)]
    return keras.Sequential([keras.Input((size, size, 1)), *stack])


def create_decoder(size: int) -> keras.Sequential:
    """Code [B, size / 64, size / 64, 512] -> [B, size, size, 1] in (-1, 1)."""
    stack = []
    for features in (256, 128, 64, 32, 16):
        stack += [layers.Conv2DTranspose(features, 5, 2, "same", use_bias=False)]
        stack += [layers.ReLU(), batch_norm(True)]
    stack += [layers.Conv2DTranspose(1, 3, 2, "same", use_bias=False, activation="tanh")]
    return keras.Sequential([keras.Input((size // 64, size // 64, 512)), *stack])


def create_discriminator(size: int) -> keras.Sequential:
    """[B, size, size, 1] -> patch logits [B, size / 4, size / 4, 1]."""
    stack = []
    for features, stride in ((32, 2), (64, 2), (128, 1)):
        stack += [layers.Conv2D(features, 4, stride, "same"), layers.LeakyReLU(0.2)]
    stack += [layers.Conv2D(1, 4, 1, "same")]
    return keras.Sequential([keras.Input((size, size, 1)), *stack])


def adam(model: keras.Model) -> keras.optimizers.Optimizer:
    optimizer = keras.optimizers.Adam(2e-4, beta_1=0.5, beta_2=0.999, epsilon=1e-7)
    optimizer.build(model.trainable_variables)
    return optimizer


def create_autoencoder_step(generator: keras.Model, images: tf.Tensor, compiled: bool) -> Callable:
    """One L1 and Adam step; returns the loss."""
    optimizer = adam(generator)

    @tf.function(jit_compile=compiled)
    def step() -> tf.Tensor:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.abs(generator(images, training=True) - images))
        variables = generator.trainable_variables
        optimizer.apply(tape.gradient(loss, variables), variables)
        return loss

    return lambda: float(step())


def create_adversarial_step(generator: keras.Model, images: tf.Tensor, compiled: bool) -> Callable:
    """One step of both sides at the old weights; every network runs forward once."""
    critic = create_discriminator(images.shape[1])
    optimizers = [adam(generator), adam(critic)]
    sides = [generator.trainable_variables, critic.trainable_variables]

    def cross_entropy(logits: tf.Tensor, label: float) -> tf.Tensor:
        labels = tf.fill(tf.shape(logits), label)
        return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels, logits))

    @tf.function(jit_compile=compiled)
    def step() -> tf.Tensor:
        with tf.GradientTape(persistent=True) as tape:
            fake = generator(images, training=True)
            on_fake, on_real = critic(fake, training=True), critic(images, training=True)
            generator_loss = cross_entropy(on_fake, 1.0)
            critic_loss = cross_entropy(on_fake, 0.0) + cross_entropy(on_real, 1.0)
        losses = generator_loss, critic_loss
        gradients = [tape.gradient(*pair) for pair in zip(losses, sides, strict=True)]
        for optimizer, gradient, side in zip(optimizers, gradients, sides, strict=True):
            optimizer.apply(gradient, side)
        return critic_loss

    return lambda: float(step())


def create_inference(generator: keras.Model, images: tf.Tensor, compiled: bool) -> Callable:
    """Images with running statistics."""
    call = tf.function(lambda: generator(images, training=False), jit_compile=compiled)
    return lambda: call().numpy()


TASKS = {
    "autoencoder": create_autoencoder_step,
    "adversarial": create_adversarial_step,
    "inference": create_inference,
}


VARIANTS = {"Keras, tf.function": False, "Keras, jit_compile": True}  # whether XLA compiles it


def create_call(args: argparse.Namespace, variant: str) -> Callable:
    """What to time."""
    keras.utils.set_random_seed(0)
    size = args.image_size
    generator = keras.Sequential([create_encoder(size), create_decoder(size)])
    images = tf.random.uniform((args.batch_size, size, size, 1), -1, 1)
    return TASKS[args.task](generator, images, VARIANTS[variant])


def summarize(_: str) -> dict[str, int]:
    """How many numbers train, and how many running statistics there are besides."""
    counts = {}
    for name, model in (("encoder", create_encoder(128)), ("decoder", create_decoder(128))):
        trainable = sum(v.shape.num_elements() for v in model.trainable_variables)
        counts |= {name: trainable, f"{name}_batch_stats": model.count_params() - trainable}
    return counts


if __name__ == "__main__":
    turns.main(__doc__.split("\n")[0], TASKS, VARIANTS, ["medium"], create_call, summarize)
