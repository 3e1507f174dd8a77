"""What every picture metric asks of its two pictures and its mask."""

from __future__ import annotations

import numpy as np


def checked_pair(
    image: np.ndarray, reference: np.ndarray, mask: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """The arguments as they came, the mask as bool.

    Raises: ValueError where a picture is no [H, W, 3] uint8, or the three differ in size.
    """
    for name, picture in (("image", image), ("reference", reference)):
        if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8:
            raise ValueError(
                f"{name} must be [H, W, 3] uint8 RGB, got {list(picture.shape)} {picture.dtype}"
            )
    if image.shape != reference.shape:
        raise ValueError(
            f"image {list(image.shape)} and reference {list(reference.shape)} differ in size"
        )
    if mask is None:
        return image, reference, None
    if mask.shape != image.shape[:2]:
        raise ValueError(f"mask {list(mask.shape)} does not fit the picture {list(image.shape)}")
    return image, reference, np.asarray(mask, dtype=bool)
