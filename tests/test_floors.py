"""Imports go to lower floors only, and rooms stay small: `python tests/test_floors.py`."""

import ast
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FLOORS = (
    {"errors", "images", "names", "paths", "stages"},
    {"geometry", "metrics", "parallel", "workdir"},
    {"models"},
    {"faces"},
    {"data"},
    {"training"},
    {"portraits"},
    {"evaluation"},
    {"cli", "align"},
    {"__main__"},
)
LEAVES = FLOORS[0]  # which may import one another
FLOOR_OF = {name: floor for floor, names in enumerate(FLOORS) for name in names}
FILES = sorted((ROOT / "facealign").rglob("*.py"))
LONGEST_FILE, LONGEST_FUNCTION, MOST_ENTRIES = 250, 60, 19
ALONE = {"docs/onnx_portrait.py": 300}  # a whole program in one file, by its purpose


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
    for name in imported_modules(path):
        if name.startswith("facealign."):
            own, other = unit(path), name.split(".")[1]
            alike = other == own or {own, other} <= LEAVES
            assert alike or FLOOR_OF[other] < FLOOR_OF[own], name
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


def entries() -> list[str]:
    """What lies directly in facealign/."""
    found = (ROOT / "facealign").iterdir()
    return sorted(path.name for path in found if path.name != "__pycache__")


def file_lengths() -> dict[str, int]:
    """Lines of every Python file of the repository."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    paths = [ROOT / name for name in listed.stdout.splitlines()]
    return {str(p.relative_to(ROOT)): len(p.read_text().splitlines()) for p in paths if p.exists()}


def function_lengths() -> dict[str, int]:
    """Lines of every function of the repository, its docstring among them."""
    lengths = {}
    for name in file_lengths():
        for node in ast.walk(ast.parse((ROOT / name).read_text())):
            if isinstance(node, ast.FunctionDef):
                lengths[f"{name}:{node.name}"] = node.end_lineno - node.lineno + 1
    return lengths


def test_rooms_files_and_functions_stay_small():
    assert len(entries()) <= MOST_ENTRIES
    for name, lines in file_lengths().items():
        assert lines <= ALONE.get(name, LONGEST_FILE), name
    assert not [name for name, lines in function_lengths().items() if lines > LONGEST_FUNCTION]


if __name__ == "__main__":
    print(f"{len(entries())} entries in facealign/, at most {MOST_ENTRIES}")
    for what, found, most in (
        ("file", file_lengths(), LONGEST_FILE),
        ("function", function_lengths(), LONGEST_FUNCTION),
    ):
        longest = sorted(found, key=found.get, reverse=True)[:5]
        print(f"longest {what}s, at most {most} lines:")
        print("\n".join(f"  {found[name]:4} {name}" for name in longest))
