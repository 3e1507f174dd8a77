"""What pyproject.toml declares and the constraint files pin; .ci/constraints.py asks a resolver."""

import importlib.util
import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
PYTHONS = ("3.10", "3.11", "3.12")


def declared() -> dict[str, list[Requirement]]:
    """Requirements by extra; the base's under ""."""
    base = re.search(r"^dependencies = \[(.*?)^\]", PYPROJECT, re.DOTALL | re.MULTILINE)
    extras = re.search(r"^\[project.optional-dependencies\]\n(.*?)^\[", PYPROJECT, re.S | re.M)
    groups = {"": base.group(1)}
    groups |= dict(re.findall(r"^(\w+) = \[(.*?)\]$", extras.group(1), re.DOTALL | re.MULTILINE))
    return {
        name: [Requirement(text) for text in re.findall(r'"([^"]+)"', body)]
        for name, body in groups.items()
    }


def resolver_script():
    spec = importlib.util.spec_from_file_location("constraints", ROOT / ".ci" / "constraints.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return script


def pins(name: str) -> list[Requirement]:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def test_every_extra_has_a_file_of_constraints():
    files = resolver_script().FILES
    assert sorted(extra for extras in files.values() for extra in extras) == sorted(declared())


@pytest.mark.parametrize("file", ["constraints.txt", "constraints-whisperx.txt"])
@pytest.mark.parametrize("python", PYTHONS)
def test_every_requirement_is_pinned_within_its_bounds(file, python):
    environment = {"python_version": python, "python_full_version": f"{python}.0"}
    pinned = {
        canonicalize_name(pin.name): next(iter(pin.specifier)).version
        for pin in pins(file)
        if pin.marker is None or pin.marker.evaluate(environment)
    }
    for extra in {"", *resolver_script().FILES[file]}:
        for requirement in declared()[extra]:
            name = canonicalize_name(requirement.name)
            if name == "gesticulate":
                continue
            assert name in pinned, f"{file} does not pin {name}: run .ci/constraints.py write"
            assert requirement.specifier.contains(pinned[name]), f"{name} {pinned[name]}"


def test_no_local_tags_and_no_cuda_packages_are_pinned():
    for file in resolver_script().FILES:
        for pin in pins(file):
            assert "+" not in str(pin), pin
            assert not pin.name.startswith(resolver_script().UNPINNED), pin


def test_the_licence_expression_names_the_research_weights():
    assert 'license = "Apache-2.0 AND LicenseRef-gesticulate-research-weights"' in PYPROJECT
    for name in re.findall(r"^license-files = \[(.*)\]", PYPROJECT, re.MULTILINE)[0].split(", "):
        assert (ROOT / name.strip('"')).is_file()


def test_the_sdist_is_told_to_take_tests_docs_and_constraints():
    manifest = (ROOT / "MANIFEST.in").read_text(encoding="utf-8")
    for words in ("graft tests", "graft docs", "constraints*.txt", "CHANGELOG.md", ".ci/*"):
        assert words in manifest
