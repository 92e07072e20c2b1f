"""What is wrong in a config of one's own is said in one line, with the line of the file."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from facealign.cli.config_file import load_config
from facealign.errors import UserError

ROOT = Path(__file__).parents[2]
POLYGONS = "from configs import polygons_light\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x = 1", "PATH has no function get_config"),
        ("", "PATH has no function get_config"),
        ("get_config = 3", "PATH has no function get_config"),
        (
            "\ndef get_config():\n    x = 1",
            "line 2 of PATH: get_config returns NoneType, .* return",
        ),
        ("def get_config():\n    return {}", "line 1 of PATH: get_config returns dict, .*base"),
        ("def get_config():\n    x = (1,\n", r"line 2 of PATH: SyntaxError: '\(' was never closed"),
        ("\0", "line 1 of PATH: SyntaxError"),
        ("def get_config():\n    return 1 / 0", "line 2 of PATH: ZeroDivisionError: division"),
        ("def get_config():\n    return {}['a b']", "line 2 of PATH: KeyError: a b$"),
        ("def get_config():\n    assert False", "line 2 of PATH: AssertionError$"),
        ("import sys\nsys.exit()", "line 2 of PATH: SystemExit$"),
        ("import json\njson.loads('')", "line 2 of PATH: JSONDecodeError"),
        ("import no_such_package", "line 1 of PATH: ModuleNotFoundError"),
        ("def get_config(a, b):\n    return a", "line 1 of PATH: missing .*'a' in get_config"),
        (
            f"{POLYGONS}def get_config():\n    return polygons_light.get_config('x')",
            r"line 3 of PATH, line \d+ of .*base\.py: ValueError: variant 'x'.* faithful$",
        ),
        (
            f"{POLYGONS}c = polygons_light.get_config()\nc.data.batch_sise",
            "line 3 of PATH: AttributeError: 'batch_sise'\nDid you mean \"batch_size\"",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path, text, expected):
    path = tmp_path / "config.py"
    path.write_text(text)
    with pytest.raises(UserError, match=expected.replace("PATH", str(path))):
        load_config(str(path))


@pytest.mark.parametrize(
    ("name", "expected"),
    [("config.json", "is JSON"), ("missing.py", "does not exist"), (".", "cannot be read")],
)
def test_what_is_no_program_is_named(tmp_path, name, expected):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(UserError, match=f"--config={tmp_path / name} {expected}"):
        load_config(str(tmp_path / name))


@pytest.mark.parametrize(
    "name", ["medium_gan:lfw", "medium_gan.py:lfw", "configs/medium_gan.py:lfw"]
)
def test_own_experiments_are_found_by_their_names_from_any_folder(name, tmp_path, monkeypatch):
    expected = load_config(f"{ROOT / 'configs' / 'medium_gan.py'}:lfw")
    monkeypatch.chdir(tmp_path)
    assert load_config(name) == expected
    (tmp_path / name.split(":")[0]).parent.mkdir(exist_ok=True)
    (tmp_path / name.split(":")[0]).write_text("x = 1")  # one's own file comes first
    with pytest.raises(UserError, match="has no function get_config"):
        load_config(name)


def test_an_installed_package_has_its_experiments_and_they_import_one_another(tmp_path):
    """As in a wheel: `configs` is in the package, and nowhere on the path."""
    (tmp_path / "site" / "facealign").mkdir(parents=True)
    for path in [*(ROOT / "facealign").iterdir(), ROOT / "configs"]:
        (tmp_path / "site" / "facealign" / path.name).symlink_to(path)
    program = "from facealign.cli.config_file import load_config as f; print(f('medium_gan').run)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
    )  # fmt: skip
    assert done.stdout.startswith("('reconstruction'"), done.stderr


def test_a_variant_of_a_config_without_variants_is_refused(tmp_path):
    path = tmp_path / "config.py"
    path.write_text(f"{POLYGONS}\ndef get_config():\n    return polygons_light.get_config()")
    with pytest.raises(UserError, match=f"line 3 of {path}: too many .* --config=FILE:VARIANT"):
        load_config(f"{path}:x")
    assert load_config(str(path)).is_locked


def test_a_value_that_a_config_lacks_is_one_line(tmp_path):
    path = tmp_path / "config.py"
    path.write_text(
        f"{POLYGONS}def get_config():\n    c = polygons_light.get_config()\n"
        "    with c.unlocked():\n        del c.data.image_size\n    return c"
    )
    done = subprocess.run(
        [sys.executable, "launch.py", "--mode=summary", f"--config={path}"],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert "the config lacks a value: 'image_size'; start it with" in done.stderr
