"""The config of a workdir: its first run writes it, later runs must match it."""

import json
from collections.abc import Mapping
from typing import Any

from etils import epath
from ml_collections import ConfigDict

from facealign.errors import UserError
from facealign.names import ROLES
from facealign.paths import write_json
from facealign.stages import create_stages
from facealign.workdir.log import read_rows

AT_LEAST_ONE = (
    "accumulate",
    "data.batch_size",
    "discriminator.features",
    "discriminator.pool",
    "discriminator.r1_every",
    "evaluate_examples",
    "log_every",
    "evaluate_every",
    "checkpoint_every",
    "model.features",
    "model.scales",
    "model.stacks",
    "recognizer.people",
    "steps_per_call",
)
# Fields about places, devices and memory; they do not change what is computed.
PLACES = ("data.data_dir", "data.manual_dir", "mesh.data", "model.remat")
NOT_NEGATIVE = ("seed", "data.polygon_seed", "mesh.data")
SHIFTS = ("augment.shift", "discriminator.augment.shift")
AUGMENT = ("brightness", "contrast", "exchange", "flip", "input_warp", "light", "noise", "rotation",
           "shift", "zoom")  # fmt: skip
# Fields that older configs lack -> the value with which they compute the same as before.
AS_BEFORE = {
    "accumulate": 1,
    "data.channels": 1,
    "data.faces": "known",
    "data.frame": "canonical",
    "data.manual_dir": "",
    "data.memory_mb": 4096.0,
    "data.on_device": "auto",
    "data.uniform_yaw": False,
    "discriminator.gp_weight": 0.0,
    "discriminator.name": "patches",
    "discriminator.pool": 50,
    "mesh.data": 0,
    "model.dtype": "float32",
    "model.remat": False,
    "recognizer.people": 4096,
    "steps_per_call": 1,
    **{f"{part}.{name}": 0 for part in ("augment", "discriminator.augment") for name in AUGMENT},
    **{f"optimizer.ema_decay.{role}": 0.0 for role in ROLES},
    **{f"optimizer.learning_rate_scale.{role}": 1.0 for role in ROLES},
    **{f"optimizer.muon.{role}": 0.0 for role in ROLES},
}
GONE = ("mesh.model",)  # fields that are no longer used
MULTIPLES = (("evaluate_every", "log_every"), ("checkpoint_every", "evaluate_every"))


def check_numbers(config: ConfigDict) -> None:
    """Checks that counts are positive and that checkpoints fall on evaluations, these on log rows.

    Raises:
      UserError: an impossible number, or a value that is never used.
    """
    values = flatten(config)
    for name in (*AT_LEAST_ONE, *NOT_NEGATIVE):
        if not isinstance(values.get(name), int):
            raise UserError(f"config.{name}={values.get(name)!r} must be a whole number, as it is "
                            "in configs/base.py")  # fmt: skip
    for name in AT_LEAST_ONE:
        if values[name] < 1:
            raise UserError(f"config.{name}={values[name]} must be at least 1")
    for name in NOT_NEGATIVE:
        if values[name] < 0:
            raise UserError(f"config.{name}={values[name]} must not be negative")
    for name in SHIFTS:
        if not 0 <= values[name] < config.data.image_size:
            raise UserError(
                f"config.{name}={values[name]} must be from 0 to below config.data.image_size="
                f"{config.data.image_size}"
            )
    for longer, shorter in MULTIPLES:
        if values[longer] % values[shorter]:
            raise UserError(
                f"config.{longer}={values[longer]} must be a multiple of "
                f"config.{shorter}={values[shorter]}"
            )
    if config.init_roles and not config.init_from:
        raise UserError(
            f"config.init_roles={config.init_roles} names networks to take, but config.init_from "
            "names no run to take them from; give --config.init_from=WORKDIR too"
        )


def complete(config: ConfigDict) -> ConfigDict:
    """The config of an older facealign, with values for fields it lacks and without `GONE`."""
    values = json.loads(config.to_json())
    for name, value in AS_BEFORE.items():
        section, field = _section(values, name)
        section.setdefault(field, value)
    for name in GONE:
        section, field = _section(values, name)
        section.pop(field, None)
    return ConfigDict(values)


def _section(values: dict[str, Any], name: str) -> tuple[dict[str, Any], str]:
    """The dict that holds a field of a dotted name, and the field's own name."""
    *path, field = name.split(".")
    for part in path:
        values = values.setdefault(part, {})
    return values, field


def load_config(workdir: epath.Path) -> ConfigDict:
    """The config of a workdir's run, with the fields of today.

    Raises:
      UserError: the workdir has no run.
    """
    path = workdir / "config.json"
    try:
        config = complete(ConfigDict(json.loads(path.read_text())))
        create_stages(config)  # fails for JSON that is no config of facealign
        return config
    except (OSError, AttributeError, TypeError, ValueError) as error:
        raise UserError(
            f"{workdir} holds no run: cannot read {path} ({error}); name the --workdir of a run, "
            "or train one in a new folder"
        ) from error


def make_workdir(config: ConfigDict, workdir: epath.Path) -> None:
    """Creates the folder with config.json, or checks that the run in it can go on with config.

    Raises:
      UserError: the folder cannot be written, or it belongs to a run with another config.
    """
    path = workdir / "config.json"
    if path.exists():
        check_continuation(load_config(workdir), config, workdir)
    try:
        workdir.mkdir(parents=True, exist_ok=True)
        write_json(path, json.loads(config.to_json()))
    except OSError as error:
        raise UserError(f"cannot write into --workdir={workdir}: {error}") from error


def check_continuation(old: ConfigDict, new: ConfigDict, workdir: epath.Path) -> None:
    """Checks that a run goes on with its config; only a stage may get longer if it was the last.

    `PLACES` may differ.

    Raises:
      UserError: other fields differ; names each of them with both values.
    """
    ends = {f"stages.{stage.name}.steps": stage.end for stage in create_stages(old)}
    reached = max((row["step"] for row in read_rows(workdir)), default=0)

    def extends(name: str, before: Any, after: Any) -> bool:
        return name in ends and after is not None and after > before and reached <= ends[name]

    found = _differences(old, new)
    _refuse(
        {name: values for name, values in found.items() if not extends(name, *values)},
        workdir,
        "restore the old values to continue it, or choose another --workdir",
    )


def check_same(old: ConfigDict, new: ConfigDict, workdir: epath.Path) -> None:
    """Checks that networks and data are those of the training; `PLACES` may differ.

    Raises:
      UserError: fields differ; names each of them with both values.
    """
    advice = "evaluate it with the config that it was trained with"
    _refuse(_differences(old, new), workdir, advice)


def with_places_of(old: ConfigDict, new: ConfigDict) -> ConfigDict:
    """A copy of the old config with the values of `PLACES` of the new one."""
    values = ConfigDict(json.loads(old.to_json()))
    for name in PLACES:
        section, field = name.split(".")
        values[section][field] = new[section][field]
    return values


def _differences(old: ConfigDict, new: ConfigDict) -> dict[str, tuple[Any, Any]]:
    """Fields that differ, with both values; without `PLACES`."""
    before, after = flatten(old), flatten(new)
    return {
        name: (before.get(name), after.get(name))
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name) and name not in PLACES
    }


def _refuse(differences: Mapping[str, tuple[Any, Any]], workdir: epath.Path, advice: str) -> None:
    """Raises `UserError` with the advice if there are differences."""
    if differences:
        found = "; ".join(f"{name}: {was!r} -> {now!r}" for name, (was, now) in differences.items())
        raise UserError(f"{workdir} holds a run with another config ({found}); {advice}")


def flatten(config: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted names -> plain values, as JSON returns them."""
    flat = {}

    def walk(value: Any, name: str) -> None:
        if isinstance(value, Mapping):
            for key, inner in value.items():
                walk(inner, f"{name}.{key}" if name else key)
        else:
            flat[name] = value

    walk(json.loads(ConfigDict(config).to_json()), "")
    return flat
