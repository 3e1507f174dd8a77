"""Faces drawn from another frame of their own video, held against the real frames.

    python benchmarks/face_reenactment.py FACES --pairs 60 [--face face-refiner] [--sheet faces.png]

FACES is a folder of `gesticulate dataset faces`. From each clip of the split ``val`` frames are
drawn from one photo by the puppet, by the learned renderer that paints mouths, and by the one whose
mouths and eyes are drawn by the face's refiner. L1 and LPIPS (alex, vgg) over mouth, eyes and face;
sharpness is the mean of the gradient's size between the lips; the real frame's stands beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import torch
import tyro
from tyro import conf

from gesticulate.evaluation.lpips import Lpips
from gesticulate.keypoints import layout
from gesticulate.keypoints.face_map import head_from_face
from gesticulate.keypoints.poses import Poses
from gesticulate.refinement.face.region import FaceRegion, inside
from gesticulate.refinement.renderer import LearnedRenderer
from gesticulate.training.face_data import FaceClip, face_clips, turn
from gesticulate.warping.renderer import PuppetRenderer

_SIZES = {"mouth": 96, "right_eye": 48, "left_eye": 48, "face": 192}


@dataclass(frozen=True)
class Options:
    """What is measured."""

    faces: Annotated[conf.Positional[Path], conf.arg(metavar="FACES")]
    pairs: int = 60
    face: str = "face-refiner"
    sheet: Path | None = None
    seed: int = 0


def skeleton(face: np.ndarray) -> np.ndarray:
    """[133, 3] of a face [68, 2]: nothing else is seen."""
    points = np.zeros((layout.NUM_POINTS, 3), np.float32)
    points[layout.FACE, :2], points[layout.FACE, 2] = face, 1.0
    points[:3, :2], points[:3, 2] = head_from_face(face), 1.0
    return points


def chosen(clips: list[FaceClip], count: int, seed: int) -> list[tuple[FaceClip, int, int]]:
    """(clip, photo, driving frame): photos by chance, driving frames from shut to wide open."""
    rng, found = np.random.default_rng(seed), []
    for i in range(count):
        clip = clips[i % len(clips)]
        gap = clip.points[clip.usable, 66, 1] - clip.points[clip.usable, 62, 1]
        level, photo = rng.uniform(gap.min(), gap.max()), int(rng.choice(clip.usable))
        near = clip.usable[np.abs(gap - level).argsort()[:5]]
        # Heads of the product's videos turn little.
        driving = min(near, key=lambda one: turn(clip.points[photo], clip.points[one]))
        found.append((clip, photo, int(driving)))
    return found


def close_up(picture: np.ndarray, face: np.ndarray, name: str) -> np.ndarray:
    """[S, S, 3] uint8 of a picture [H, W, 3] whose face is [68, 2]."""
    if name == "face":
        middle, side = face.mean(0), 1.25 * float(np.ptp(face[:, 1]))
        region = FaceRegion(
            name, middle, np.array([1.0, 0]), np.array([0, 1.0]), side, _SIZES[name]
        )
        return region.cut(picture)
    return FaceRegion.of(name, face, _SIZES[name]).cut(picture)


def sharpness(picture: np.ndarray, face: np.ndarray) -> float:
    """Mean size of the gradient between the lips, grey levels a pixel; NaN where they are shut."""
    region = FaceRegion.of("mouth", face, _SIZES["mouth"])
    within = inside(region, face) > 0.9
    grey = cv2.cvtColor(region.cut(picture), cv2.COLOR_RGB2GRAY).astype(np.float32)
    across, down = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    return float(np.hypot(across, down)[within].mean() / 8) if within.sum() > 30 else float("nan")


def main() -> None:
    """Print the table."""
    options = tyro.cli(Options)
    renderers = {
        "puppet": PuppetRenderer(workers=1),
        "painted": LearnedRenderer(face=None, device="cpu", workers=1),
        "refined": LearnedRenderer(face=options.face, device="cpu", workers=1),
    }
    judges = {net: Lpips.pretrained(net=net) for net in ("alex", "vgg")}
    sums: dict[tuple[str, str, str], list[float]] = {}
    rows = []
    for clip, photo, driving in chosen(
        face_clips(options.faces, "val"), options.pairs, options.seed
    ):
        size = clip.frames.shape[2], clip.frames.shape[1]
        picture, truth = np.array(clip.frames[photo]), np.array(clip.frames[driving])
        rest = Poses(skeleton(clip.points[photo])[None], size)
        driven, face = Poses(skeleton(clip.points[driving])[None], size), clip.points[driving]
        drawn = {
            name: next(iter(renderer.prepare(picture, rest).render(driven)))
            for name, renderer in renderers.items()
        }
        for name, frame in {**drawn, "truth": truth}.items():
            sums.setdefault((name, "mouth", "sharpness"), []).append(sharpness(frame, face))
            for region in _SIZES:
                made, true = close_up(frame, face, region), close_up(truth, face, region)
                part = "eyes" if region.endswith("eye") else region
                off = np.abs(made.astype(np.float32) - true).mean() / 255
                sums.setdefault((name, part, "L1"), []).append(float(off))
                for net, judge in judges.items():
                    value = _lpips(judge, made, true)
                    sums.setdefault((name, part, f"LPIPS {net}"), []).append(value)
        cells = [picture, *drawn.values(), truth]
        faces = [clip.points[photo], *[face] * (len(drawn) + 1)]
        rows.append(
            np.concatenate(
                [close_up(c, f, "face") for c, f in zip(cells, faces, strict=True)], axis=1
            )
        )
    for (name, part, figure), values in sorted(sums.items(), key=lambda item: item[0][1:]):
        print(f"{part:6} {figure:11} {name:8} {np.nanmean(values):.4f}")
    if options.sheet is not None:
        cv2.imwrite(str(options.sheet), np.concatenate(rows[:16])[..., ::-1])


@torch.inference_mode()
def _lpips(judge: Lpips, made: np.ndarray, true: np.ndarray) -> float:
    a, b = (torch.from_numpy(p).permute(2, 0, 1)[None].float() / 127.5 - 1 for p in (made, true))
    # Small squares twice as large: the networks' first strides leave little of them else.
    a, b = (torch.nn.functional.interpolate(p, scale_factor=2.0, mode="bilinear") for p in (a, b))
    return float(judge(a, b).mean())


if __name__ == "__main__":
    main()
