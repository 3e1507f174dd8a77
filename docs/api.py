"""Write docs/api.md from the docstrings of the public interface: `python docs/api.py`.

tests/test_public_api.py checks that the page is current.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import gesticulate

PAGE = Path(__file__).with_name("api.md")
HEAD = """# The Python interface

Written from the docstrings by `python docs/api.py`. Everything here is imported from `gesticulate`:

```python
from gesticulate import GestureVideoPipeline, load_speech, read_photo
```

Modules below `gesticulate.` that are not named here may change without notice.
"""


def page() -> str:
    """The whole page."""
    names = [name for name in gesticulate.__all__ if name != "__version__"]
    listed = "\n".join(f"- [`{name}`](#{name.lower()})" for name in names)
    return "\n\n".join([HEAD.strip(), listed, *(section(name) for name in names)]) + "\n"


def section(name: str) -> str:
    """A name with its signature, docstring and public methods."""
    thing = getattr(gesticulate, name)
    parts = [f"## {name}", signature(name, thing), text(thing)]
    if inspect.isclass(thing) and not issubclass(thing, Exception):
        for method, value in inspect.getmembers(thing):
            own = any(method in vars(base) for base in thing.__mro__ if base is not object)
            public = not method.startswith("_") or method == "__call__"
            is_property = isinstance(value, property)
            value = value.fget if is_property else value
            if own and public and callable(value) and inspect.getdoc(value):
                shown = "" if is_property else signature(method, value)
                parts += [f"### {name}.{method}", shown, text(value)]
    return "\n\n".join(part for part in parts if part)


def signature(name: str, thing: Any) -> str:
    """As Python would have it, a parameter a line where it is long; '' where there is none."""
    if inspect.isclass(thing) and (issubclass(thing, Exception) or "Protocol" in _bases(thing)):
        return ""
    found = inspect.signature(thing)
    parameters, keyword_only = [], False
    for parameter in found.parameters.values():
        if parameter.name in ("self", "cls"):
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and not keyword_only:
            keyword_only = True
            parameters.append("*")
        stars = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
        line = stars + parameter.name
        if parameter.annotation is not parameter.empty:
            line += f": {_type(parameter.annotation)}"
        if parameter.default is not parameter.empty:
            line += f" = {_default(parameter.default)}"
        parameters.append(line)
    returns = ""
    if found.return_annotation not in (found.empty, None) and not inspect.isclass(thing):
        returns = f" -> {_type(found.return_annotation)}"
    short = f"{name}({', '.join(parameters)}){returns}"
    if len(short) > 88:
        short = f"{name}(\n" + "".join(f"    {line},\n" for line in parameters) + f"){returns}"
    return f"```python\n{short}\n```"


def text(thing: Any) -> str:
    """The docstring; none where it is one that Python made up."""
    found = inspect.getdoc(thing) or ""
    return "" if found.startswith(f"{getattr(thing, '__name__', '')}(") else found


def _bases(cls: type) -> list[str]:
    return [base.__name__ for base in cls.__bases__]


def _type(annotation: Any) -> str:
    return annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)


def _default(value: Any) -> str:
    """Without what differs from machine to machine: addresses and paths."""
    return f"{type(value).__name__}()" if " object at " in repr(value) else repr(value)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
