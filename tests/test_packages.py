"""What the wheel holds."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_all_weights_of_the_repository_travel_in_the_wheel():
    about = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packed = about["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    weights = {f"weights/{path.name}" for path in (ROOT / "weights").glob("*.safetensors")}
    assert weights == {path for path in packed if path.startswith("weights/")}
    assert all(packed[path] == f"facealign/{Path(path).name}" for path in weights)
