"""How a renderer does on people it does not learn from, in numbers and on a picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from ..atomic import complete_or_nothing
from ..datasets.load import Clips
from ..errors import InputError
from ..evaluation.close_ups import close_up, hand_square, mouth_square
from ..evaluation.lpips import Lpips
from ..evaluation.reenactment import compare
from ..refinement.network import Rendering
from ..video.sheets import contact_sheet
from .frames import REGIONS, DrivenPhoto, Frames, driven_frames
from .options import SceneOptions
from .scenes import Photo

# What a driven frame is compared as: before learning, before refinement, and finished.
MADE = ("puppet", "warped", "refined")
_PLACES = ("face", "hands", "mouth")
_BATCH = 8
# Pairs on the sheet.
_SHOWN = 8


def validation_frames(options: SceneOptions, photos: Sequence[Photo], size: int) -> list[Frames]:
    """The pairs that are measured, always the same: of clips spread over the split, one frame far
    from the photo's pose each. A clip without a frame in its photo's light gives none."""
    clips = Clips(options.folder)
    count = min(options.val_pairs, len(photos))
    pairs = []
    for index in np.linspace(0, len(photos) - 1, count).round().astype(int):
        photo = photos[index]
        rng = np.random.default_rng(index)
        frames = driven_frames(clips.poses[photo.row.frames], photo.frame, 1, rng)
        driven = DrivenPhoto(clips, photo, frames, size)
        if driven.frames:
            pairs.append(driven.draw(0))
    if not pairs:
        raise InputError(
            f"{options.folder}: none of the {count} validation clips has another frame in its "
            "photo's light and place. Build the data set from clips of a still camera."
        )
    return pairs


class Validation:
    """Fixed pairs, and what the puppet makes of them."""

    def __init__(self, pairs: Sequence[Frames], judge: Lpips | None) -> None:
        """judge: the network of LPIPS; None leaves that out."""
        self.pairs, self.judge = list(pairs), judge

    @torch.no_grad()
    def drawn(self, draw: Callable[[Frames], Rendering], device: torch.device) -> list[Tensor]:
        """Each pair as [3, 3, S, S], in the order of `MADE`."""
        pictures: list[Tensor] = []
        for first in range(0, len(self.pairs), _BATCH):
            frames = Frames.stack(self.pairs[first : first + _BATCH]).to(device)
            made = draw(frames)
            each = [frames.inputs.puppet, made.warped.clamp(0, 1), made.frame]
            pictures += torch.stack([one.float().cpu() for one in each], dim=1).unbind()
        return pictures

    def figures(self, drawn: Sequence[Tensor]) -> dict[str, float]:
        """L1 and LPIPS of the frame and its regions, as ``refined_lpips_hands``; "loss" is the mean
        LPIPS (without a judge: L1) of the finished frames over all places."""
        judges = {} if self.judge is None else {"lpips": self.judge}
        rows: dict[str, list[float]] = {}
        for pair, pictures in zip(self.pairs, drawn, strict=True):
            masks = {name: pair.regions[0, REGIONS.index(name)].numpy() > 0.5 for name in _PLACES}
            scores = compare([pixels(p) for p in pictures], pixels(pair.target[0]), masks, judges)
            for made, score in zip(MADE, scores, strict=True):
                for place, values in score.items():
                    for metric in ("l1", *judges):
                        rows.setdefault(f"{made}_{metric}_{place}", []).append(values[metric])
        figures = {name: _mean_of_known(values) for name, values in rows.items()}
        metric = "lpips" if judges else "l1"
        figures["loss"] = _mean_of_known(
            [figures[f"refined_{metric}_{p}"] for p in ("frame", *_PLACES)]
        )
        return figures

    def write_sheet(self, path: Path, drawn: Sequence[Tensor]) -> None:
        """Some pairs side by side, each with hand and mouth close up, as a PNG."""
        names = ("photo", "truth", *MADE)
        tiles: list[np.ndarray] = []
        step = max(1, len(self.pairs) // _SHOWN)
        for pair, pictures in list(zip(self.pairs, drawn, strict=True))[::step][:_SHOWN]:
            tiles += _with_close_ups(pair, [pair.inputs.photo[0], pair.target[0], *pictures])
        sheet = contact_sheet(tiles, len(names), names * (len(tiles) // len(names)))
        path.parent.mkdir(parents=True, exist_ok=True)
        with complete_or_nothing(path) as part:
            cv2.imwrite(str(part), cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))


def _with_close_ups(pair: Frames, pictures: Sequence[Tensor]) -> list[np.ndarray]:
    """Each picture [3, S, S] with its hand and mouth beside it, [S, 1.5 S, 3] uint8. The places
    are those of the true frame, so that all show the same."""
    size = pair.inputs.size
    pose = pair.inputs.driven_points[0].numpy().copy()
    pose[:, :2] = (pose[:, :2] + 1) / 2 * (size - 1)
    squares = [find(pose, (size, size)) for find in (hand_square, mouth_square)]
    tiles = []
    for picture in map(pixels, pictures):
        beside = np.concatenate([close_up(picture, square, size // 2) for square in squares])
        tiles.append(np.concatenate([picture, beside], axis=1))
    return tiles


def pixels(picture: Tensor) -> np.ndarray:
    """[3, S, S] in 0..1 -> [S, S, 3] uint8."""
    levels = (picture.float() * 255).round().clamp(0, 255).byte()
    return np.ascontiguousarray(levels.permute(1, 2, 0).cpu().numpy())


def _mean_of_known(values: Sequence[float]) -> float:
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else 0.0
