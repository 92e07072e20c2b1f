"""What computes is said in words."""

from types import SimpleNamespace

import jax

from facealign.parallel.devices import describe_devices


def device(platform: str, kind: str) -> SimpleNamespace:
    return SimpleNamespace(platform=platform, device_kind=kind)


def test_devices_have_the_names_that_people_know():
    assert describe_devices(jax.devices("cpu")[:1]) == "the CPU"
    assert describe_devices([device("gpu", "NVIDIA H200")] * 2) == "2 x NVIDIA H200"
    assert describe_devices([device("gpu", "A"), device("gpu", "B")]) == "A, B"
