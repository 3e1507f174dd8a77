"""Which speech encoder's features weights were trained on: they tell it, and nobody has to."""

from __future__ import annotations

from ..errors import UsageError

# Weights that were written before they told it were all trained on these.
BEFORE_RECORDED = "mel"


def check_same_features(first: str, encoder: str, second: str, other: str) -> None:
    """first, second: what reads or holds the features of the speech encoders of these names.

    Raises: UsageError where they are not of one speech encoder.
    """
    if encoder != other:
        raise UsageError(
            f"{first} is of the speech encoder {encoder!r}, {second} of {other!r}. Use two that "
            "are of the same."
        )
