"""Which network looks at a photo: the one that comes along, or another's."""

from __future__ import annotations

import pkgutil
from typing import Any

from ..errors import UsageError


def chosen(choice: Any, protocol: type) -> Any:
    """An object that keeps a protocol (`matte.Matting`, `inpainting.Inpainting`).

    choice: such an object; "package.module:Class", which is made without arguments; or None, which
    stays None and stands for the one that comes along.
    Raises: UsageError where there is no such class, or the object does not keep the protocol.
    """
    if choice is None:
        return None
    made = choice
    if isinstance(choice, str):
        try:
            made = pkgutil.resolve_name(choice)()
        except (ImportError, AttributeError, ValueError) as error:
            raise UsageError(
                f"{choice!r} names no {protocol.__name__}: {error}. Expected package.module:Class."
            ) from error
    if not isinstance(made, protocol):
        raise UsageError(f"{choice!r} is no {protocol.__name__}; see {protocol.__module__}.")
    return made
