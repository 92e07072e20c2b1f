"""Which small faults no test notices: `python benchmarks/mutation.py [MODULE ...] [--every=1]`.

Cosmic Ray (`pip install cosmic-ray`) puts one fault at a time into a copy of the repository, such
as a plus for a minus or a 2 for a 1, and runs the tests of that module alone, in a process of their
own. Counted out are faults in type hints and in the text of errors and logs; strings Cosmic Ray
leaves alone. Prints a row a module, and on standard error each fault that survived. With
--out=FOLDER what was noticed is kept there: as long as a module's code stays as it is, only what
survived is tried again.
"""

import argparse
import ast
import json
import os
import re
import shlex
import shutil
import sys
import tempfile
from pathlib import Path

from cosmic_ray.commands import init
from cosmic_ray.mutating import mutate_and_test
from cosmic_ray.testing import run_tests
from cosmic_ray.work_db import use_db
from cosmic_ray.work_item import MutationSpec, TestOutcome

ROOT = Path(__file__).resolve().parent.parent
MODULES = (
    "data/sampling",
    "training/monitors",
    "metrics/verification",
    "geometry/frame",
    "training/losses",
    "metrics/image_quality",
    "training/checkpoints",
    "workdir/config",
)
# An operator is exchanged for near ones only: what the others make is a type error.
OPERATORS = re.compile(
    "core/(AddNot|ExceptionReplacer|NumberReplacer|RemoveDecorator|ZeroIterationForLoop"
    "|Replace(And|Break|Continue|False|Or|True)With.*|ReplaceUnaryOperator_(Delete_.*|USub_Not)"
    "|ReplaceBinaryOperator_(Add_(Sub|Mul)|Sub_(Add|Div)|Mul_(Div|Add)|Div_(Mul|FloorDiv)"
    "|FloorDiv_(Div|Mul)|Mod_(Div|Mul)|Pow_(Mul|Add)|BitOr_BitAnd|BitAnd_BitOr)"
    "|ReplaceComparisonOperator_((?!Is)[A-Za-z]+_(?!Is).*|Is_IsNot|IsNot_Is))$"
)
ENVIRONMENT = {
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    # Compiled programs are found by their contents, so none of before a fault serves after it.
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
}
TESTS = f"{shlex.quote(sys.executable)} -m pytest -x -o addopts= -p no:cacheprovider tests/"
TIMEOUT = 60.0  # seconds; a fault that makes tests so slow is noticed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("modules", nargs="*", default=MODULES, help="such as training/losses")
    parser.add_argument("--every", type=int, default=1, help="try each n-th fault only")
    parser.add_argument("--out", type=Path, help="folder to keep results in")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        copy, out = Path(folder, "copy"), (args.out or Path(folder, "out")).resolve()
        ignored = shutil.ignore_patterns(".*", "__pycache__", "weights", "results")
        shutil.copytree(ROOT, copy, ignore=ignored)
        out.mkdir(parents=True, exist_ok=True)
        os.environ.update(ENVIRONMENT, JAX_COMPILATION_CACHE_DIR=str(out / "compiled"))
        os.chdir(copy)
        print("| module | faults | noticed | survived | counted out |")
        print("| --- " * 5 + "|", flush=True)
        for name in args.modules:
            try_module(name, args.every, out)


def try_module(name: str, every: int, out: Path) -> None:
    """Prints the module's row, and on standard error each fault that survived."""
    path, (folder, module) = Path("facealign", f"{name}.py"), name.split("/")
    source, tests = path.read_text(), f"{TESTS}{folder}/test_{module}.py"
    outcome, output = run_tests(tests, TIMEOUT)
    if outcome != TestOutcome.SURVIVED:
        sys.exit(f"{name}: its tests fail without a fault\n{output}")
    kept = out / f"{folder}_{module}.json"
    before = json.loads(kept.read_text()) if kept.exists() else {}
    known = before["noticed"] if code_of(before.get("source", "")) == code_of(source) else []
    faults, ignored = list_faults(path), find_text(source)
    counted = [f for f in faults if not any(s <= f.start_pos < e for s, e in ignored)]
    tried, survived = counted[::every], 0
    for fault in tried:
        label = f"{fault.operator_name}:{fault.occurrence}"
        if label in known:
            continue
        result = mutate_and_test([fault], tests, TIMEOUT)
        if result.test_outcome == TestOutcome.KILLED:
            known.append(label)
            kept.write_text(json.dumps({"source": source, "noticed": known}))
        elif result.test_outcome == TestOutcome.SURVIVED:
            survived += 1
            print(show(fault, result.diff), file=sys.stderr, flush=True)
        else:
            sys.exit(f"{label} of {name} could not be tried\n{result.output}")
    row = name, len(tried), len(tried) - survived, survived, len(faults) - len(counted)
    print(f"| {' | '.join(map(str, row))} |", flush=True)


def list_faults(path: Path) -> list[MutationSpec]:
    """All faults of a module, from its first line to its last."""
    with use_db(":memory:") as work:
        init([path], work, {})
        faults = [item.mutations[0] for item in work.work_items]
    return sorted(
        (fault for fault in faults if OPERATORS.match(fault.operator_name)),
        key=lambda fault: (*fault.start_pos, fault.operator_name, fault.occurrence),
    )


def find_text(source: str) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """From where to where, (line, column), type hints and texts of errors and logs go."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.AnnAssign | ast.arg):
            found.append(node.annotation)
        elif isinstance(node, ast.FunctionDef):
            found.append(node.returns)
        elif isinstance(node, ast.Raise):
            found.append(node.exc)
        elif isinstance(node, ast.Expr) and ast.unparse(node).startswith("logging."):
            found.append(node)
        elif isinstance(node, ast.Assign | ast.If) and "reason" in ast.unparse(node).split("\n")[0]:
            found.append(node)  # shortens the text of an error
    return [((n.lineno, n.col_offset), (n.end_lineno, n.end_col_offset)) for n in found if n]


def code_of(source: str) -> str:
    """What a source says without its comments and docstrings."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(body := getattr(node, "body", None), list):
            node.body = [
                line
                for line in body
                if not (isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant))
            ]
    return ast.dump(tree)


def show(fault: MutationSpec, diff: str) -> str:
    """The line that the fault is in, before and after."""
    changes = [line for line in diff.split("\n") if re.match(r"[-+](?![-+]{2} )", line)]
    return f"{fault.module_path}:{fault.start_pos[0]} " + " => ".join(
        " ".join(line[1:].strip() for line in changes if line[0] == sign) for sign in "-+"
    )


if __name__ == "__main__":
    main()
