"""The house rules that a program can check: who may import whom, what is packaged, names."""

import ast
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOREIGN = {"tests", "benchmarks", "docs", "build", "dist"}
EVERY = {
    "keypoints", "speech", "video", "motion", "warping", "refinement", "animation", "pipelines",
    "evaluation", "datasets", "training", "studio", "configs", "weights", "examples",
}  # fmt: skip
# What a folder may import besides itself and EVERYBODYS.
MAY_IMPORT = {
    "keypoints": set(),
    "speech": set(),
    "video": set(),
    "motion": {"keypoints", "speech"},
    "warping": {"keypoints"},
    "refinement": {"keypoints", "warping"},
    "animation": {"keypoints", "warping"},
    "pipelines": {
        "keypoints", "speech", "video", "motion", "warping", "refinement", "animation", "examples",
    },
    "evaluation": EVERY - {"pipelines", "studio"},
    "datasets": {"keypoints", "speech", "video"},
    "training": EVERY - {"pipelines", "studio"},
    "studio": {"pipelines"},
    "configs": set(),
    "weights": set(),
    "examples": {"pipelines", "keypoints"},
    "": EVERY,
}  # fmt: skip
# Folders and modules at the root that depend on nothing of the house.
EVERYBODYS = {
    "atomic", "configs", "errors", "ffmpeg_binary", "media_input", "media_probe", "process_wide",
    "registry", "weights",
}  # fmt: skip


def modules() -> list[Path]:
    return [
        path
        for path in sorted(ROOT.rglob("*.py"))
        if path.relative_to(ROOT).parts[0] not in FOREIGN
        and not any(part.startswith(".") for part in path.relative_to(ROOT).parts)
        and "site-packages" not in path.parts
    ]


def imports(path: Path) -> list[tuple[int, str]]:
    """(dots, dotted name) of every import, wherever it stands; 0 dots is an absolute one."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(0, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            if node.module:
                found.append((node.level, node.module))
            else:
                found += [(node.level, alias.name) for alias in node.names]
    return found


def imported_folders(path: Path) -> set[str]:
    """The top-level folders and modules of the house that a module imports."""
    depth = len(path.relative_to(ROOT).parts)
    folders = set()
    for level, name in imports(path):
        if level == depth:
            folders.add(name.partition(".")[0])
        elif level == 0 and name.startswith("gesticulate."):
            folders.add(name.split(".")[1])
    return folders


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_arrows_run_one_way(path):
    parts = path.relative_to(ROOT).parts
    folder = parts[0] if len(parts) > 1 else ""
    allowed = MAY_IMPORT[folder] | EVERYBODYS | {folder, "__version__"}
    if folder == "":
        allowed |= {other.stem for other in ROOT.glob("*.py")}
    wrong = imported_folders(path) - allowed
    assert not wrong, f"{path.relative_to(ROOT)} may not import {sorted(wrong)}"


def test_the_package_imports_itself_by_relative_names():
    for path in modules():
        example = path.parent.name == "examples" and path.name != "__init__.py"
        if not example:
            absolute = [name for level, name in imports(path) if level == 0]
            assert not [name for name in absolute if name.partition(".")[0] == "gesticulate"], path


def test_every_package_folder_is_listed():
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    listed = set(re.findall(r'^    "gesticulate\.([\w.]+)",$', pyproject, re.MULTILINE))
    folders = {
        ".".join(path.parent.relative_to(ROOT).parts) for path in modules() if path.parent != ROOT
    }
    assert folders == listed
    for folder in folders:
        assert (ROOT / folder.replace(".", "/") / "__init__.py").is_file()


def test_no_module_is_named_after_nothing():
    vague = {"utils", "util", "common", "helpers", "helper", "misc", "tools", "base"}
    named = {
        part.removesuffix(".py") for path in modules() for part in path.relative_to(ROOT).parts
    }
    assert not named & vague


def test_every_file_can_be_read_in_one_sitting():
    too_long = {
        str(path.relative_to(ROOT)): lines
        for path in modules()
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 400
    }
    assert not too_long


def test_every_dependency_is_declared():
    """A package that merely happens to be installed is missing on the next machine."""
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8").lower().replace("_", "-")
    providers = packages_distributions()
    missing = {}
    for path in modules():
        for level, name in imports(path):
            top = name.partition(".")[0]
            if level or top in sys.stdlib_module_names or top in {"gesticulate", "__future__"}:
                continue
            names = [provider.lower().replace("_", "-") for provider in providers.get(top, [top])]
            if not any(re.search(rf'"{re.escape(name)}[\[<>=!"]', pyproject) for name in names):
                missing[str(path.relative_to(ROOT))] = top
    assert not missing


def test_no_path_of_one_machine():
    text = re.compile(r"(?<![\w.])/(work|root|home|opt|mnt)/")
    for path in [*modules(), *ROOT.glob("*.md"), *ROOT.glob("*.toml"), *ROOT.glob(".ci/*")]:
        assert not text.search(path.read_text(encoding="utf-8")), path
