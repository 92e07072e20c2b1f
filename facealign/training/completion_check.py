"""How well a run's completion mends portraits of held-out people that were turned away and back."""

from collections.abc import Mapping

import numpy as np

from facealign.data.load import Examples
from facealign.images import to_float, to_uint8
from facealign.models.apply import NetState, Network
from facealign.models.completion import FACE, KNOWN, MAPS, OWN, SHRINK, apply_completion, near_head

COMPLETION_METRICS = ("l1/near", "l1/hidden", "l1/seen", "l1/beside")
BATCH = 8


def measure_completion(
    network: Network, net: NetState, held_out: Mapping[str, Examples]
) -> dict[str, float]:
    """Mean absolute errors of thumbnails, images in [-1, 1].

    Of what is near the head: all, the face that the photo hid, that it showed, and the rest.
    """
    return _errors(complete(network, net, held_out["unrestricted"]), held_out)


def measure_returned(
    train: Mapping[str, Examples], held_out: Mapping[str, Examples]
) -> dict[str, float]:
    """The same for what came back, a baseline without a network."""
    del train
    return _errors(held_out["unrestricted"]["image"], held_out)


def _errors(images: np.ndarray, held_out: Mapping[str, Examples]) -> dict[str, float]:
    maps = _pool(held_out["unrestricted"]["maps"].astype(np.float32) / 255, SHRINK // 2)
    away = images.astype(np.float32) - held_out["restricted"]["image"]
    away = np.abs(_pool(away, SHRINK)).mean(axis=-1) / 127.5
    face, own, known = (maps[..., number] for number in (FACE, OWN, KNOWN))
    near = np.asarray(near_head(maps))
    places = {
        "near": near * known,
        "hidden": face * (1 - own) * known,
        "seen": face * own * known,
        "beside": (1 - face) * near * known,
    }
    return {
        f"l1/{name}": float((away * share).sum() / max(share.sum(), 1e-6))
        for name, share in places.items()
    }


def _pool(images: np.ndarray, side: int) -> np.ndarray:
    """The means of blocks of side x side px of images [N, H, W, C]."""
    count, height, width, channels = images.shape
    blocks = images.reshape(count, height // side, side, width // side, side, channels)
    return blocks.mean(axis=(2, 4))


def draw_completion(
    network: Network, net: NetState, samples: Mapping[str, Examples]
) -> dict[str, np.ndarray]:
    """Columns of pictures: what came back, mended, and the truth."""
    returned = samples["unrestricted"]
    mended = complete(network, net, returned)
    return {"turned": returned["image"], "mended": mended, "truth": samples["restricted"]["image"]}


def complete(network: Network, net: NetState, returned: Examples) -> np.ndarray:
    """Mended portraits, uint8 [N, SIZE, SIZE, 3]."""
    images, maps, yaw = (returned[name] for name in ("image", "maps", "yaw"))
    parts = []
    for start in range(0, len(images), BATCH):
        rows = np.arange(start, start + BATCH).clip(max=len(images) - 1)  # so that it compiles once
        some = to_float(images[rows])
        known = maps[rows][..., :MAPS].astype(np.float32) / 255
        added = apply_completion(network, net, some, known, yaw[rows].astype(np.float32))
        parts.append(np.asarray(to_uint8(some + added)))
    return np.concatenate(parts)[: len(images)]
