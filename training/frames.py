"""Batches for the renderer's training: a photo, what the puppet makes of it, and the true frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from scipy.spatial.transform import Rotation
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from ..datasets.load import Clips
from ..errors import InputError
from ..evaluation.regions import face_region, hands_region, mouth_region
from ..keypoints import layout
from ..warping.dense import CANDIDATES
from ..warping.inputs import RendererInput
from ..warping.layer_cache import load_layers
from ..warping.renderer import Puppet
from ..warping.scene import PhotoCrop, Scene
from .options import SceneOptions
from .scenes import Photo

# What the losses are averaged over. "hole": where the puppet shows background that was made up.
REGIONS = ("valid", "hole", "hands", "mouth", "face")
# A frame whose background differs from the photo's by more grey levels (median) is of another light
# or place, fades included: there is nothing to be learned from it.
_OTHER_LIGHT = 12.0
# Photos that are tried for a place in a batch before the data set is called useless.
_TRIES = 50
# A frame whose skeleton is the photo's is drawn this much as often as an average one.
_STILL = 0.2
# The part on a person's other side, in the order of CANDIDATES.
_OTHER_SIDE = [
    CANDIDATES.index(
        name.replace("left", "?").replace("right", "left").replace("?", "right"),
    )
    for name in CANDIDATES
]


@dataclass
class Frames:
    """A batch of driven frames.

    inputs: as the network gets them. target: [B, 3, S, S], RGB 0..1, the true frames.
    regions: [B, 5, S, S], 0..1, how far a pixel belongs to each of `REGIONS`; a hand counts as far
    as its points are trusted.
    """

    inputs: RendererInput
    target: Tensor
    regions: Tensor

    def __len__(self) -> int:
        return len(self.target)

    def to(self, device: torch.device | str) -> Frames:
        return Frames(self.inputs.to(device), self.target.to(device), self.regions.to(device))

    @classmethod
    def stack(cls, frames: Sequence[Frames]) -> Frames:
        """One batch of several, in order."""
        return cls(
            RendererInput.stack([one.inputs for one in frames]),
            torch.cat([one.target for one in frames]),
            torch.cat([one.regions for one in frames]),
        )


class DrivenPhoto:
    """A prepared photo with some true frames of its clip, in memory.

    frames: (skeleton [133, 3], picture [S, S, 3] uint8), those in the photo's light and place; it
    may be that none is.
    """

    def __init__(self, clips: Clips, photo: Photo, frames: Sequence[int], size: int) -> None:
        """frames: which ones, ascending. size: of the network, pixels."""
        points = clips.poses_of(photo.row).points
        side = int(clips.state["options"]["crop_size"])
        crop = PhotoCrop(0.0, 0.0, float(side), size)
        self.scene = Scene(Puppet(load_layers(photo.path)), crop)
        self.crop, self.side = crop, side
        self.person = crop.cut(np.uint8(255) * self.scene.puppet.parts.person[..., None])
        wanted = sorted(set(frames))
        self.frames: list[tuple[np.ndarray, np.ndarray]] = []
        for number, picture in enumerate(clips.frames_of(photo.row)):
            if number in wanted:
                self.frames.append((np.array(points[number]), crop.cut(picture)))
            if number >= wanted[-1]:
                break
        if not self.frames:
            raise InputError(
                f"{photo.row.path} has none of the frames {wanted} any more. Build the data set "
                "again from the videos as they are now."
            )
        behind = self.person.reshape(size, size) == 0
        self.frames = [f for f in self.frames if same_light(self.scene.photo, f[1], behind)]

    @torch.no_grad()
    def draw(self, index: int) -> Frames:
        """One driven frame; an index beyond the last begins anew."""
        points, target = self.frames[index % len(self.frames)]
        _, inputs = self.scene.prior(points)
        return Frames(inputs, _picture(target), self._regions(points, inputs))

    def _regions(self, points: np.ndarray, inputs: RendererInput) -> Tensor:
        """[1, 5, S, S], see `Frames`."""
        size = self.crop.size
        pose = points.copy()
        pose[:, :2] = (pose[:, :2] + 0.5) * (size / self.side) - 0.5
        hands = np.zeros((size, size), np.float32)
        for part, other in (
            (layout.LEFT_HAND, layout.RIGHT_HAND),
            (layout.RIGHT_HAND, layout.LEFT_HAND),
        ):
            alone = pose.copy()
            alone[other, 2] = 0
            trust = float(pose[part, 2].mean())
            hands = np.maximum(hands, trust * hands_region(alone, (size, size)))
        shape = (size, size)
        background = F.interpolate(
            inputs.shown[:, :1], shape, mode="bilinear", align_corners=True
        ).numpy()[0, 0]
        hole = background * (self.person.reshape(shape) / np.float32(255))
        masks = [1 - hole, hole, hands, mouth_region(pose, shape), face_region(pose, shape)]
        return torch.from_numpy(np.stack(masks).astype(np.float32))[None]


def same_light(photo: np.ndarray, picture: np.ndarray, behind: np.ndarray) -> bool:
    """Whether a frame shows the photo's background in the photo's light.

    photo, picture: [S, S, 3] uint8. behind: [S, S] bool, the photo's background.
    """
    if not behind.any():
        return True
    return float(np.median(cv2.absdiff(photo, picture)[behind])) <= _OTHER_LIGHT


def _picture(pixels: np.ndarray) -> Tensor:
    """[S, S, 3] uint8 -> [1, 3, S, S] in 0..1."""
    return torch.from_numpy(pixels).permute(2, 0, 1)[None].float().div_(255)


def driven_frames(
    points: np.ndarray, photo: int, count: int, rng: np.random.Generator
) -> list[int]:
    """Which frames of a clip to drive a photo to: by chance, those far from its pose more often.

    points: [T, 133, 3]. photo: its frame. Returns up to ``count`` frames, ascending.
    """
    motion = points[:, layout.MOTION_POINTS]
    seen = (motion[..., 2] > 0) & (motion[photo, :, 2] > 0)
    moved = np.linalg.norm(motion[..., :2] - motion[photo, :, :2], axis=-1)
    far = (moved * seen).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
    chance = far + _STILL * far.mean() + 1e-6
    chance[photo] = 0
    if len(chance) == 1:
        return [photo]
    count = min(count, len(chance) - 1)
    return sorted(rng.choice(len(chance), count, replace=False, p=chance / chance.sum()).tolist())


class FrameStream(Dataset):
    """Item ``step`` is that step's batch, whatever came before: a resumed run sees what one that
    never stopped would have seen.

    A batch has a place for each photo; a photo keeps its place for ``options.driven`` steps, and
    the places change photos in turn, so that each step opens about as many clips as the others.
    """

    def __init__(
        self,
        options: SceneOptions,
        photos: Sequence[Photo],
        size: int,
        batch: int,
        seed: int,
        process: int = 0,
    ) -> None:
        """photos: prepared ones, at least one. size: of the network, pixels. batch: frames a
        step. process: number of the GPU's process, each of which draws other frames."""
        self.options, self.photos, self.size, self.batch = options, list(photos), size, batch
        self.seed, self.process = seed, process
        # Each worker process takes every so manieth step and keeps its own photos open.
        self.lanes = max(1, options.workers)
        shares = np.array([options.favoured.get(p.row.kind, 1.0) for p in self.photos])
        per_clip: dict[str, int] = {}
        for photo in self.photos:
            per_clip[photo.row.id] = per_clip.get(photo.row.id, 0) + 1
        shares = shares / [per_clip[photo.row.id] for photo in self.photos]
        self.chances = shares / shares.sum()
        self._clips: Clips | None = None
        self._opened: dict[tuple[int, int], tuple[int, DrivenPhoto]] = {}

    def __getitem__(self, step: int) -> Frames:
        lane, position = step % self.lanes, step // self.lanes
        return Frames.stack([self._draw(lane, place, position) for place in range(self.batch)])

    def _draw(self, lane: int, place: int, position: int) -> Frames:
        driven = self.options.driven
        turn, index = divmod(position + place * driven // self.batch, driven)
        if self._opened.get((lane, place), (-1,))[0] != turn:
            self._opened[lane, place] = turn, self._open(lane, place, turn)
        drawn = self._opened[lane, place][1].draw(index)
        chance = np.random.default_rng([self.seed, self.process, lane, place, turn, index])
        drawn = recoloured(drawn, self.options.jitter, self.options.exchanged, chance)
        return mirrored(drawn) if chance.random() < 0.5 else drawn

    def _open(self, lane: int, place: int, turn: int) -> DrivenPhoto:
        # Opened where it is used: a worker process must not be sent the data set's arrays.
        self._clips = self._clips or Clips(self.options.folder)
        rng = np.random.default_rng([self.seed, self.process, lane, place, turn])
        for _ in range(_TRIES):
            photo = self.photos[rng.choice(len(self.photos), p=self.chances)]
            points = self._clips.poses[photo.row.frames]
            frames = driven_frames(points, photo.frame, self.options.driven, rng)
            opened = DrivenPhoto(self._clips, photo, frames, self.size)
            if opened.frames:
                rng.shuffle(opened.frames)
                return opened
        raise InputError(
            f"{self.options.folder}: of {_TRIES} photos none has another frame in the same light "
            "and place. Build the data set from clips of a still camera."
        )


def _one_thread(_: int) -> None:
    """The workers fill the cores already."""
    cv2.setNumThreads(1)


class Batches:
    """step -> batch, drawn ahead by worker processes where there are some.

    The steps must be asked for one after the other.
    """

    def __init__(self, stream: FrameStream, steps: int) -> None:
        self.stream, self.steps = stream, steps
        self._ahead: Iterator[Frames] | None = None

    def __call__(self, step: int) -> Frames:
        workers = self.stream.options.workers
        if workers == 0:
            return self.stream[step]
        if self._ahead is None:
            # The worker of a step is its place in this order: it must be the same after a resume.
            first = step - step % workers
            loader = DataLoader(
                self.stream, batch_size=None, sampler=range(first, self.steps),
                num_workers=workers, prefetch_factor=2, multiprocessing_context="spawn",
                worker_init_fn=_one_thread,
            )  # fmt: skip
            self._ahead = iter(loader)
            for _ in range(step - first):
                next(self._ahead)
        return next(self._ahead)


def recoloured(frames: Frames, reach: float, exchanged: float, rng: np.random.Generator) -> Frames:
    """The same frames in other colours, photo and truth alike.

    reach: most that a channel's gain and offset change, as a share of the full range. exchanged:
    chance of colours that no camera gives (`exchange`).
    """
    gain = np.diag(1 + rng.uniform(-reach, reach) + rng.uniform(-reach / 3, reach / 3, 3))
    offset = 0.5 - gain @ np.full(3, 0.5) + rng.uniform(-reach, reach) / 2
    turn, power = exchange(rng) if rng.random() < exchanged else (np.eye(3), 1.0)
    gain, offset = gain @ turn, offset + gain @ (0.5 - turn @ np.full(3, 0.5))
    matrix = torch.from_numpy(gain.astype(np.float32))
    shift = torch.from_numpy(offset.astype(np.float32)).view(3, 1, 1)

    def lit(picture: Tensor) -> Tensor:
        mixed = torch.einsum("ij,...jhw->...ihw", matrix, picture) + shift
        return mixed.clamp_(0, 1).pow_(power)

    inputs = frames.inputs
    # Black stays black: there a layer has nothing.
    something = (inputs.colours > 0).any(dim=2, keepdim=True)
    lit_inputs = replace(
        inputs,
        photo=lit(inputs.photo),
        puppet=lit(inputs.puppet),
        colours=lit(inputs.colours) * something,
    )
    return Frames(lit_inputs, lit(frames.target), frames.regions)


def exchange(rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """[3, 3] about mid-grey and an exponent: hues turned by any angle, one picture in four
    inverted, lighter or darker. Who learns from such pictures as well cannot know beforehand what
    colour a hand has, or that it is brighter than the clothes: it must see it in the photo."""
    greys = np.full(3, 3**-0.5)
    turn = Rotation.from_rotvec(-rng.uniform(0, 2 * np.pi) * greys).as_matrix()
    sign = -1.0 if rng.random() < 0.25 else 1.0
    return sign * turn, float(np.exp(rng.uniform(-0.5, 0.7)))


def mirrored(frames: Frames) -> Frames:
    """The same frames in a mirror: left and right exchanged, of pictures, parts and points."""
    inputs = frames.inputs
    turned = torch.tensor([-1.0, 1.0])
    sides = torch.tensor(_OTHER_SIDE)
    points = torch.from_numpy(layout.MIRROR)

    def mirrored_points(places: Tensor) -> Tensor:
        return places[:, points] * torch.tensor([-1.0, 1.0, 1.0])

    mirrored_inputs = RendererInput(
        photo=inputs.photo.flip(-1),
        puppet=inputs.puppet.flip(-1),
        flows=inputs.flows[:, sides].flip(-2) * turned,
        shown=inputs.shown[:, sides].flip(-1),
        colours=inputs.colours[:, sides].flip(-1),
        gate=inputs.gate.flip(-1),
        photo_points=mirrored_points(inputs.photo_points),
        driven_points=mirrored_points(inputs.driven_points),
    )
    return Frames(mirrored_inputs, frames.target.flip(-1), frames.regions.flip(-1))
