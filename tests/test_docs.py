"""What README and docs name exists: links, flags, fields of configs, files, functions."""

import ast
import contextlib
import importlib
import re
import textwrap
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from facealign.cli.flags import COMMON, MODES

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
OTHERS = ("CHANGELOG.md", "benchmarks/README.md", "weights/README.md")
LINKING = [*PAGES, *(ROOT / name for name in OTHERS)]
LONGEST_README, LONGEST_PAGE = 150, 190  # lines

FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
FLAG = re.compile(r"(?<![\w-])--(?:no)?([a-z]\w*(?:\.[\w.]+)?)")
FIELD = re.compile(r"(?<![\w./])config(?!\.json)((?:\.\w+)+)")
CONFIG = re.compile(r"configs/(\w+)\.py(?::(\w+))?")
PLACE = re.compile(r"\b((?:[a-z][\w-]*/)+[\w-]+\.(?:py|md|csv|obj|safetensors))(?::(\w+))?")
MODULE = re.compile(r"\bfacealign((?:\.\w+)+)")
FILES = (".ipynb", ".onnx", ".stablehlo")  # endings of files called facealign
SETTINGS = re.compile(r"requirements(?:-\w+)?\.txt")
OURS = re.compile(r"launch\.py|-m facealign|^facealign |^--")
PASSING = {"pytest": {"kills"}, "tensorboard": {"logdir"}}  # flags of other programs
WRITTEN = re.compile(r"new file `[^`]+`|`runs/[^`]+`")  # files that a reader makes, or a run


def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def blocks(page: Path) -> list[tuple[str, str]]:
    """Language and content of the code blocks of a page."""
    return [
        (language, re.sub(rf"^{indent}", "", content, flags=re.MULTILINE))
        for indent, language, content in FENCE.findall(read(page))
    ]


def prose(page: Path) -> str:
    """A page without its code blocks."""
    return FENCE.sub("", read(page))


def commands(page: Path) -> Iterator[str]:
    """Lines of the shell in code blocks, continued ones as one, and all inline code."""
    for language, content in blocks(page):
        if language in ("", "ipython"):
            yield from re.sub(r" *\\\n *", " ", content).splitlines()
    yield from INLINE.findall(prose(page))


def slug(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading.strip().lower())
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


def anchors(page: Path) -> set[str]:
    return {slug(title) for title in re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)}


@cache
def configs() -> dict[tuple[str, str], object]:
    """Every experiment without a variant."""
    names = [path.stem for path in (ROOT / "configs").glob("*.py") if path.stem != "__init__"]
    return {(name, ""): config_of(name, "") for name in names}


@cache
def config_of(name: str, variant: str) -> object:
    return importlib.import_module(f"configs.{name}").get_config(*[variant] * bool(variant))


def has_field(config: object, path: str) -> bool:
    """Whether a config has a dotted field; parts in capitals stand for any name."""
    for part in path.split("."):
        if part.isupper():
            return True
        if not hasattr(config, "keys") or part not in config:
            return False
        config = config[part]
    return True


@cache
def flags_of_benchmark(name: str) -> set[str]:
    """Those of a file of benchmarks, and of the files there that it imports."""
    text = (ROOT / "benchmarks" / f"{name}.py").read_text()
    own = set(re.findall(r'add_argument\(\s*"--(\w+)"', text))
    imported = re.findall(r"^(?:from|import) (\w+)", text, re.MULTILINE)
    local = [other for other in imported if (ROOT / "benchmarks" / f"{other}.py").exists()]
    return own.union(*(flags_of_benchmark(other) for other in local))


def wrong_flags(command: str) -> list[str]:
    """Flags and fields of a command, or of inline code, that do not exist."""
    command = command.split(" #")[0]
    given = [flag for flag in FLAG.findall(command) if not flag.startswith("config.")]
    named = CONFIG.search(command)
    if benchmark := re.search(r"benchmarks/(\w+)\.py", command):
        return [flag for flag in given if flag not in flags_of_benchmark(benchmark[1])]
    if OURS.search(command):
        mode = re.search(r"--mode=(\w+)", command)
        known = {*COMMON, *(flag for row in MODES.values() for flag in row.flags)}
        if mode and mode[1] not in MODES:
            return [mode[0]]
        if "launch.py " in command or mode:
            known = {*COMMON, *MODES[mode[1] if mode else "train"].flags, "help"}
    else:
        known = set().union(*(own for name, own in PASSING.items() if name in command))
    wrong = [flag for flag in given if flag not in known]
    own = [config_of(named[1], named[2])] if named else list(configs().values())
    for path in FIELD.findall(command):
        if not any(has_field(config, path[1:]) for config in own):
            wrong.append(f"config{path}")
    return wrong


@cache
def names_in(path: Path) -> set[str]:
    """Functions, classes and constants of a Python file, its inner ones too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
    return found


def wrong_places(page: Path) -> list[str]:
    """Files, and functions in them, that inline code names and that do not exist."""
    wrong = []
    for code in INLINE.findall(WRITTEN.sub("", prose(page))):
        for name, inner in PLACE.findall(code):
            if Path(name).stem.isupper():  # stands for any
                continue
            path = next((p for p in (ROOT / name, ROOT / "facealign" / name) if p.exists()), None)
            variant = name.startswith("configs/")  # behind the colon of a config
            if path is None or (inner and not variant and inner not in names_in(path)):
                wrong.append(f"{name}:{inner}")
        wrong += [f"facealign{name}" for name in MODULE.findall(code) if not has_module(name)]
    return wrong + [name for name in SETTINGS.findall(read(page)) if not files_named(name)]


def has_module(name: str) -> bool:
    """Whether facealign has .a.b.c: a package, a module, or a name in one."""
    path = ROOT / "facealign" / name[1:].replace(".", "/")
    if name in FILES or path.is_dir() or path.with_suffix(".py").exists():
        return True
    module = path.parent.with_suffix(".py")
    return module.exists() and path.name in names_in(module)


def compiles(content: str) -> bool:
    """Whether lines are Python, as they are or as lines of a dict; indented ones too."""
    lines = textwrap.dedent(content)
    for code in (lines, "{" + lines + "}"):
        with contextlib.suppress(SyntaxError):
            compile(code, "page", "exec")
            return True
    return False


def files_named(name: str) -> list[Path]:
    return [*ROOT.glob(name), *(ROOT / "benchmarks" / "peers").glob(name)]


@pytest.mark.parametrize("page", LINKING, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_and_image_leads_somewhere(page: Path):
    for link in LINK.findall(prose(page)):
        name, _, anchor = link.partition("#")
        if re.match(r"\w+:", name):
            continue
        target = (page.parent / name).resolve() if name else page
        assert target.exists() and target.is_relative_to(ROOT), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_flag_and_every_field_exists(page: Path):
    wrong = {command: found for command in commands(page) if (found := wrong_flags(command))}
    assert not wrong


@pytest.mark.parametrize("page", LINKING, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_and_function_that_is_named_exists(page: Path):
    assert not wrong_places(page)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_in_a_page_compiles(page: Path):
    for language, content in blocks(page):
        assert language in ("", "python", "ipython", "text"), language
        if language == "python" and not compiles(content):
            raise AssertionError(f"{page} has Python that does not compile:\n{content}")


def test_pages_are_short_and_readme_leads_to_each():
    assert len(read(PAGES[0]).splitlines()) <= LONGEST_README
    links = set(LINK.findall(prose(PAGES[0])))
    for page in PAGES[1:]:
        assert len(read(page).splitlines()) <= LONGEST_PAGE, page
        assert f"docs/{page.name}" in links, page
        title, empty, whom, after = read(page).splitlines()[:4]
        assert title.startswith("# ") and whom.startswith("For ") and not empty, page
        assert after.startswith("After this page "), page


def test_readme_has_the_command_of_the_tests():
    command = "pip install -r requirements.txt -r requirements-dev.txt && python -m pytest\n"
    assert ("", command) in blocks(PAGES[0])
