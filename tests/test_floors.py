"""A file imports only from lower floors (or from its own package)."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FLOORS = (
    ("errors", "generic_face", "geometry", "guard", "memory", "numpy_network", "resample", "roles"),
    ("detector", "head_surface", "heatmaps", "mesh", "paths", "pose", "processes"),
    ("align_page", "framing", "head_pose", "lock", "preemption"),
    ("instruments",),
    ("augment", "datasets", "distributions", "image_cache", "intervals", "losses",
     "measurements", "metrics", "monitors", "models", "optimizers", "prepare", "profiling",
     "run_log", "sampling", "stages", "streamed_images", "verification", "visualize"),
    ("faces", "input_pipeline", "run_config", "train_state", "viewpoint"),
    ("feed", "generate", "generic_turn", "turned_pairs", "weights"),
    ("adversary", "recognize_step", "verify"),
    ("attribute_step", "cycle_step", "frontalize_step"),
    ("checkpoints", "evaluate", "report", "summary", "train_steps"),
    ("align", "evaluation", "update"),
    ("align_folder", "demo", "experiment", "export"),
    ("train",),
    ("modes",),
    ("command_line",),
)  # fmt: skip
FLOOR_OF = {name: floor for floor, names in enumerate(FLOORS) for name in names}
FILES = sorted((ROOT / "facealign").rglob("*.py"))


def imported_modules(path: Path) -> set[str]:
    """Dotted names that a file imports, 'from a import b' as a.b."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def unit(path: Path) -> str:
    """The file or package directly under facealign that a path belongs to."""
    return path.relative_to(ROOT / "facealign").parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_only_from_lower_floors(path: Path):
    if unit(path) == "__init__":
        return
    for name in imported_modules(path):
        if name.startswith("facealign."):
            other = name.split(".")[1]
            assert other == unit(path) or FLOOR_OF[other] < FLOOR_OF[unit(path)], name
        assert name.split(".")[0] not in ("configs", "launch", "tests", "tensorflow", "torch")


def test_every_file_has_a_floor():
    assert {unit(path) for path in FILES} - {"__init__"} == set(FLOOR_OF)


def test_configs_import_nothing_of_facealign():
    for path in (ROOT / "configs").glob("*.py"):
        assert not [name for name in imported_modules(path) if name.startswith("facealign")]


def test_nothing_imports_launch():
    for folder in ("facealign", "configs", "benchmarks", "tests"):
        for path in (ROOT / folder).rglob("*.py"):
            assert not [n for n in imported_modules(path) if n.split(".")[0] == "launch"], path
