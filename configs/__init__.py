"""Presets: the values of option dataclasses in YAML, one file a runnable combination.

A preset is checked when it is loaded: an unknown key, a missing one or a value of the wrong type
ends in one UsageError that names the file and the key.
"""

from __future__ import annotations

import dataclasses
import difflib
import typing
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from ..errors import UsageError

FOLDER = Path(__file__).parent
Options = TypeVar("Options")


def names() -> list[str]:
    """The presets that come with the package."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def training_names() -> list[str]:
    """Those of trainings."""
    return [name for name in names() if name.startswith("train-")]


def run_names() -> list[str]:
    """Those that make videos."""
    return [name for name in names() if not name.startswith("train-")]


def summary(name_or_path: str | Path) -> str:
    """The first comment line of a preset: what it is for."""
    first = find(name_or_path).read_text(encoding="utf-8").partition("\n")[0]
    return first.lstrip("# ").rstrip() if first.startswith("#") else ""


def find(name_or_path: str | Path) -> Path:
    """The file of a preset: one of `names`, or a path to a YAML file of one's own.

    Raises: UsageError where there is none.
    """
    name = str(name_or_path)
    if name in names():
        return FOLDER / f"{name}.yaml"
    path = Path(name).expanduser()
    if path.suffix in (".yaml", ".yml"):
        if path.is_file():
            return path
        raise UsageError(f"There is no preset file {path}.")
    raise UsageError(
        f"There is no preset {name!r}{_nearest(name, names())}. Expected one that `gesticulate "
        "presets` (or `gesticulate presets --train`) lists, or a path that ends in .yaml."
    )


def load(name_or_path: str | Path, cls: type[Options]) -> Options:
    """Read a preset into its (nested) frozen dataclass.

    name_or_path: one of `names`, or a path to a YAML file. Keys it leaves out keep the
        dataclass's defaults.
    Raises: UsageError for a file that is missing or no YAML mapping, an unknown key (naming the
        nearest known one), a missing key, or a value that does not fit its field.
    """
    path = find(name_or_path)
    return validate(_read(path), cls, source=str(path))


def validate(values: dict[str, Any], cls: type[Options], source: str) -> Options:
    """Build an option dataclass from plain values.

    source: where the values come from, for the error message.
    Raises: UsageError as `load` does.
    """
    from pydantic import ValidationError

    try:
        checked = _checker(typing.cast(Any, cls)).validate_python({"options": values})
    except ValidationError as error:
        problems = [_explain(problem, cls) for problem in error.errors()]
        raise UsageError(f"{source}: {' '.join(problems)}") from None
    return typing.cast(Options, checked.options)


def _read(path: Path) -> dict[str, Any]:
    import yaml

    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is no YAML file: {error}") from None
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise UsageError(f"{path} holds a {type(values).__name__}. Expected keys with values.")
    return values


@cache
def _checker(cls: Any) -> Any:
    """A validator of ``cls`` and every dataclass in it that forbids unknown keys.

    The setting is handed down from a wrapper, for a dataclass cannot be given one from outside.
    """
    from pydantic import ConfigDict, TypeAdapter, create_model

    wrapper = create_model("Preset", __config__=ConfigDict(extra="forbid"), options=(cls, ...))
    return TypeAdapter(wrapper)


def _explain(problem: Any, cls: type) -> str:
    """One sentence on one of pydantic's findings."""
    location = [part for part in problem["loc"][1:] if not _is_branch(part)]
    key = ".".join(map(str, location))
    if problem["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        known = _fields_at(cls, location[:-1])
        return (
            f"unknown key {key!r}{_nearest(str(location[-1]), known)}; "
            f"known here: {', '.join(known)}."
        )
    if problem["type"] in ("missing", "missing_argument"):
        return f"the key {key!r} is missing."
    rule = problem["msg"].removeprefix("Value error, ").replace("Input should be", "expected")
    return f"{key or 'its values'}: got {problem['input']!r}, {rule.rstrip('.')}."


def _is_branch(part: Any) -> bool:
    """Whether a step of pydantic's path names a branch of a union rather than a key."""
    return isinstance(part, str) and ("[" in part or part in {"str", "int", "float", "bool"})


def _fields_at(cls: type, location: list[Any]) -> list[str]:
    """The keys a dataclass knows at a place inside it."""
    for part in location:
        hint = typing.get_type_hints(cls).get(part)
        inner = [hint, *typing.get_args(hint)]
        cls = next((t for t in inner if dataclasses.is_dataclass(t) and isinstance(t, type)), cls)
    return [field.name for field in dataclasses.fields(cls) if field.init]


def _nearest(name: str, known: list[str]) -> str:
    match = difflib.get_close_matches(name, known, n=1)
    return f" (did you mean {match[0]!r}?)" if match else ""
