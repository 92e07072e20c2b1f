"""The verifier's train step: what the frozen detector takes for faces is one, or is none."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
import optax

from facealign.data import face_candidates
from facealign.data.face_canvases import compose
from facealign.models.apply import Network, apply_network
from facealign.training import losses
from facealign.training.state import TrainState, update_networks
from facealign.training.steps.forward import Batch, TrainStep, apply_role

ROLE = "verifier"
LEAST = 0.1  # likeness, to the detector, from which on a find counts: what a search asks about


def make_verify_step(
    networks: Mapping[str, Network], train: tuple[str, ...], weights: Mapping[str, float]
) -> TrainStep:
    """Learns which finds are faces. Term: verified. U shows a face each, R nobody."""

    def step(state: TrainState, batch: Batch, key: jax.Array):
        canvas_key, stir_key, flip_key, net_key = jax.random.split(key, 4)
        known = (batch[f"{name}_unrestricted"] for name in ("ball", "up"))
        canvases = compose(batch["unrestricted"], *known, batch["restricted"], canvas_key)
        said = apply_network(networks["detector"], state.nets["detector"], canvases.image)
        found, likeness = face_candidates.likeliest(said)
        finds = face_candidates.stir(found, stir_key)
        face, known = face_candidates.judge(finds, canvases)
        face, counts = face.reshape(-1), (known & (likeness >= LEAST)).reshape(-1)
        windows = face_candidates.cut(canvases.image, finds)
        flipped = jax.random.bernoulli(flip_key, 0.5, (len(windows), 1, 1, 1))
        windows = jnp.where(flipped, windows[:, :, ::-1], windows)

        def loss(params):
            logits, batch_stats, _ = apply_role(networks, state, params, ROLE, windows, net_key)
            each = optax.sigmoid_binary_cross_entropy(logits, face.astype(logits.dtype))
            terms = {"verified": (each * counts).sum() / jnp.maximum(counts.sum(), 1)}
            return losses.weighted_sum(terms, weights), (terms, batch_stats)

        (total, (terms, batch_stats)), gradients = jax.value_and_grad(loss, has_aux=True)(
            {role: state.nets[role].params for role in train}
        )
        return update_networks(networks, state, gradients, batch_stats), {"loss": total, **terms}

    return step
