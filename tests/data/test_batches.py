"""Batches are the same whichever way they come."""

import jax
import numpy as np
import pytest

from configs import base
from facealign.data import batches
from facealign.data.batches import look_up
from facealign.data.load import load_data
from facealign.data.streaming import StreamedImages
from facealign.errors import UserError
from facealign.names import DOMAINS
from facealign.stages import create_stages


def numbered(count):
    """Examples whose images hold their own number."""
    return {"image": np.arange(count, dtype=np.uint8).reshape(-1, 1, 1, 1), "yaw": np.zeros(count)}


def make_config(batch_size, **data):
    config = base.get_config()
    config.data.update(batch_size=batch_size, **data)
    return config


def numbers(batch):
    return {domain: images.ravel().tolist() for domain, images in batch.items()}


def create_batches(domains, config, rows=None):
    stages = create_stages(config) if config.run else ()
    return batches.create_batches(domains, config, stages, rows)


def read(created, start, stop):
    """The images of some batches, wherever they lie."""
    return [
        {d: np.asarray(x) for d, x in look_up(created.resident, jax.device_put(batch)).items()}
        for batch in created.of_steps(start, stop)
    ]


def test_paired_domains_stay_aligned_and_others_do_not():
    domains = {domain: numbered(200) for domain in DOMAINS}
    paired = numbers(next(create_batches(domains, make_config(50, paired=True)).of_steps(3, 4)))
    assert paired["unrestricted"] == paired["restricted"]
    free = numbers(next(create_batches(domains, make_config(50)).of_steps(3, 4)))
    assert free["unrestricted"] != free["restricted"]


def test_domains_of_different_sizes_have_epochs_of_their_own():
    domains = {"unrestricted": numbered(12), "restricted": numbered(6)}
    seen = [numbers(batch) for batch in create_batches(domains, make_config(6)).of_steps(0, 2)]
    assert sorted(seen[0]["unrestricted"] + seen[1]["unrestricted"]) == list(range(12))
    assert sorted(seen[0]["restricted"]) == sorted(seen[1]["restricted"]) == list(range(6))


def test_a_batch_larger_than_a_domain_is_refused():
    domains = {"unrestricted": numbered(12), "restricted": numbered(6)}
    create_batches(domains, make_config(6))
    with pytest.raises(UserError, match=r"batch_size=7 .*restricted.*at most 6"):
        create_batches(domains, make_config(7))


def test_processes_share_every_batch():
    domains = {domain: numbered(20) for domain in DOMAINS}
    config = make_config(6)
    whole = read(create_batches(domains, config), 0, 5)
    shares = np.arange(6).reshape(3, 2)
    parts = [read(create_batches(domains, config, rows), 0, 5) for rows in shares]
    for step, batch in enumerate(whole):
        for domain in DOMAINS:
            together = np.concatenate([part[step][domain] for part in parts])
            np.testing.assert_array_equal(together, batch[domain])
    config.data.on_device = "true"
    with pytest.raises(UserError, match=r"on_device='true' has every process read all photos"):
        create_batches(domains, config, shares[0])


def test_memory_device_and_disk_give_the_same_batches(data_dir):
    common = dict(data_dir=data_dir, image_size=32)
    ways = {"memory": {}, "device": {"on_device": "true"}, "stream": {"memory_mb": 0.01}}
    seen = {}
    for mode, changes in ways.items():
        config = make_config(4, **common, **changes)
        domains = load_data(config.data, "train")
        assert isinstance(domains["restricted"]["image"], StreamedImages) == (mode == "stream")
        created = create_batches(domains, config)
        assert bool(created.resident) == (mode == "device")
        seen[mode] = read(created, 50, 80), domains
    for mode in ("device", "stream"):
        jax.tree.map(np.testing.assert_array_equal, seen[mode][0], seen["memory"][0])
        for domain in DOMAINS:
            ours, same = seen[mode][1][domain], seen["memory"][1][domain]
            np.testing.assert_array_equal(ours["image"][:9], same["image"][:9])
            np.testing.assert_array_equal(ours["image"][3], same["image"][3])
            for field in same.keys() - {"image"}:
                np.testing.assert_array_equal(ours[field], same[field])


def test_photos_on_the_device_have_to_fit_the_limit(data_dir):
    config = make_config(4, data_dir=data_dir, image_size=32, memory_mb=0.01, on_device="true")
    with pytest.raises(UserError, match=r"on_device='true'.*memory_mb=0\.01"):
        create_batches(load_data(config.data, "train"), config)
    config.data.on_device = "yes"
    with pytest.raises(UserError, match=r"config\.data\.on_device"):
        create_batches(load_data(config.data, "train"), config)


def test_uniform_yaw_shows_rare_views_more_often_and_needs_to_know_them():
    domains = {domain: numbered(100) for domain in DOMAINS}
    domains["unrestricted"]["yaw"] = np.where(np.arange(100) < 5, 40.0, 3.0)
    created = create_batches(domains, make_config(50, uniform_yaw=True))
    drawn = np.concatenate([batch["unrestricted"].ravel() for batch in created.of_steps(0, 40)])
    assert 0.4 < np.mean(drawn < 5) < 0.6
    domains["unrestricted"]["yaw"] = np.full(100, np.nan)
    with pytest.raises(UserError, match=r"uniform_yaw=True, but none of the 100"):
        create_batches(domains, make_config(50, uniform_yaw=True))


@pytest.mark.parametrize("on_device", ["true", "false"])
def test_a_run_that_frontalizes_is_told_the_yaw_of_each_u_photo(on_device):
    domains = {domain: numbered(100) for domain in DOMAINS}
    domains["unrestricted"]["yaw"] = np.where(np.arange(100) < 50, np.nan, np.arange(100.0))
    config = make_config(20, on_device=on_device)
    config.run, config.stages.turn = ("turn",), base.stage("frontalize", 1, ("encoder",), 1e-3)
    batch = read(create_batches(domains, config), 2, 3)[0]
    rows = batch["unrestricted"].ravel()
    np.testing.assert_array_equal(batch["yaw_unrestricted"], domains["unrestricted"]["yaw"][rows])


def test_a_run_that_asks_for_attributes_is_told_the_yaw_of_every_photo():
    domains = {domain: numbered(100) for domain in DOMAINS}
    for sign, domain in zip((1, -1), DOMAINS, strict=True):
        domains[domain]["yaw"] = sign * np.arange(100.0)
    config = make_config(20)
    config.run, config.stages.ask = ("ask",), base.stage("attribute", 1, ("encoder",), 1e-3)
    batch = read(create_batches(domains, config), 2, 3)[0]
    for sign, domain in zip((1, -1), DOMAINS, strict=True):
        np.testing.assert_array_equal(
            batch[f"yaw_{domain}"], sign * batch[domain].ravel().astype(float)
        )


def test_a_run_that_recognizes_is_told_who_is_who_across_both_domains():
    domains = {domain: numbered(100) for domain in DOMAINS}
    domains["unrestricted"]["subject"] = np.array([f"s{i // 10}" for i in range(100)])
    domains["restricted"]["subject"] = np.array([f"s{i // 10 + 5}" for i in range(100)])
    config = make_config(20)
    config.run, config.stages.who = ("who",), base.stage("recognize", 1, ("recognizer",), 1e-3)
    batch = read(create_batches(domains, config), 2, 3)[0]
    for domain, first in zip(DOMAINS, (0, 5), strict=True):
        # Names sort as text: s0, s1, s10, ..., s14, s2, ...
        order = sorted(f"s{i}" for i in range(15))
        wanted = [order.index(f"s{n // 10 + first}") for n in batch[domain].ravel()]
        np.testing.assert_array_equal(batch[f"subject_{domain}"], wanted)
    config.recognizer.people = 14
    with pytest.raises(UserError, match=r"recognizer\.people=14, but there are 15"):
        create_batches(domains, config)
