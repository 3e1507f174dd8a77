"""One photo's mouth and eyes, drawn by the networks into the puppet's frames."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
import torch
from torch import Tensor

from ...keypoints import layout
from ...warping.face import FaceMotion
from ...warping.paint import FacePaint
from ...warping.parts import smoothstep
from ...warping.rig import Similarity
from ..edges import edge_maps_numpy
from .network import LINES, FaceRefiner, RegionRefiner
from .region import REGIONS, FaceRegion, inside, moved_places, prior_picture

# Where no point of a region has moved by this share of the face's height, its pixels stay the
# photo's; from the second one on the networks' picture is shown in full.
_STILL, _MOVED = 0.001, 0.006
# How much of what a network changes is shown. Of mouths half: on faces of the data set all of it
# is nearer to the truth (L1 in and about the opening .048, half .052, none .059), but on sharper
# photos it draws lower teeth over the lip.
_STRENGTH = {"mouth": 0.5, "right_eye": 1.0, "left_eye": 1.0}
# Points that move what a region shows: lips and the chin under them; lids and brows.
_POINTS = {
    "mouth": [*range(5, 12), *range(48, 68)],
    "right_eye": [*range(17, 22), *range(36, 42)],
    "left_eye": [*range(22, 27), *range(42, 48)],
}


def face_painter(
    refiner: FaceRefiner, references: Sequence[tuple[np.ndarray, np.ndarray]] = ()
) -> Callable[[np.ndarray, FaceMotion], FaceDrawing]:
    """What a `Puppet` takes to have its face drawn by networks.

    references: further photos of the person, [H, W, 3] uint8, each with its face [68, 2].
    """
    return lambda photo, motion: FaceDrawing(photo, motion, refiner, references)


class FaceDrawing:
    """`FacePainter`: one photo, ready to have its mouth and eyes drawn. Frames are independent."""

    def __init__(
        self,
        photo: np.ndarray,
        motion: FaceMotion,
        refiner: FaceRefiner,
        references: Sequence[tuple[np.ndarray, np.ndarray]] = (),
    ) -> None:
        """photo: [H, W, 3] uint8 RGB. motion: its face. refiner: ready for inference."""
        photos = [(photo, motion.raw), *references]
        self.networks = refiner.mouth, refiner.eye
        self.regions = [
            _Region(name, motion, refiner.region(name), photos, FacePaint(photo, motion).cavity)
            for name in REGIONS
        ]

    def __call__(self, frame: np.ndarray, own: np.ndarray, head: Similarity) -> None:
        """Draw into the frame [H, W, C] uint8, RGB first. own: [68, 2], the face with the head's
        motion taken out (`FaceMotion.targets`). head: photo -> frame."""
        shares = {region: region.share(own) for region in self.regions}
        moving = [region for region, share in shares.items() if share > 0]
        for region, change in zip(moving, self.changes(own, moving), strict=True):
            region.lay(frame, shares[region] * change, head)

    def changes(self, own: np.ndarray, regions: Sequence[_Region]) -> list[np.ndarray]:
        """[S, S, 3] float32 a region, grey levels that are added to the moved photo. The regions
        of one network, both eyes, go through it together."""
        found: dict[str, np.ndarray] = {}
        for network in self.networks:
            together = [region for region in regions if region.network is network]
            if together:
                inputs = [region.inputs(own) for region in together]
                stacked = [torch.cat(parts) for parts in zip(*inputs, strict=True)]
                moved, prior, between, between_rest, *maps = stacked
                features = [
                    torch.cat(level) for level in zip(*(r.features for r in together), strict=True)
                ]
                with torch.inference_mode():
                    drawn = network(prior / 255, between, between_rest, features, maps)
                shown = _STRENGTH[together[0].square.name]
                if network is self.networks[0]:
                    # Teeth that the photo shows are sharper than any that a network draws.
                    shown = shown * (1.0 - between_rest)
                drawn = prior + shown * (255 * drawn - prior)
                change = (drawn - moved).permute(0, 2, 3, 1).numpy()
                found |= {r.square.name: c for r, c in zip(together, change, strict=True)}
        return [region.as_seen(found[region.square.name]) for region in regions]

    def finished(self, places: np.ndarray, own: np.ndarray) -> np.ndarray:
        """[...] in 0..1, how far the pixels at places [..., 2], photo pixels, head's motion taken
        out, are drawn here and are to be left as they are."""
        found = np.zeros(places.shape[:-1], np.float32)
        for region in self.regions:
            share = region.share(own)
            if share > 0:
                found = np.maximum(found, share * region.window_at(places))
        return found


class _Region:
    """One region of one photo: what its network is shown, and where its picture goes."""

    def __init__(
        self,
        name: str,
        motion: FaceMotion,
        network: RegionRefiner,
        photos: Sequence[tuple[np.ndarray, np.ndarray]],
        cavity: np.ndarray,
    ) -> None:
        size = network.options.size
        self.square = FaceRegion.of(name, motion.raw, size)
        self.photo, self.motion, self.network = photos[0][0], motion, network
        # One network draws both eyes: a left one is shown to it in a mirror.
        self.mirrored = name == "left_eye"
        self.cavity = cavity
        squares = [FaceRegion.of(name, face, size) for _, face in photos]
        pictures = [square.cut(one) for square, (one, _) in zip(squares, photos, strict=True)]
        between = [inside(square, face) for square, (_, face) in zip(squares, photos, strict=True)]
        self.between_rest = self._tensor(between[0][..., None])
        self.thickness = network.edges.thickness.detach().cpu().numpy()
        with torch.inference_mode():
            self.features = network.encode(
                torch.stack([self._tensor(p) for p in pictures])[None, :, 0] / 255,
                torch.stack([self._tensor(b[..., None]) for b in between])[None, :, 0],
            )

    def share(self, own: np.ndarray) -> float:
        """How far the networks' picture is shown, 0..1."""
        points = _POINTS[self.square.name]
        moved = np.abs(own[points] - self.motion.raw[points]).max() / self.motion.size
        return float(smoothstep(_STILL, _MOVED, np.float32(moved)))

    def window_at(self, places: np.ndarray) -> np.ndarray:
        """[...] in 0..1, the region's window at places [..., 2], photo pixels."""
        pixels = self.square.to_pixels(places.reshape(-1, 1, 2))
        found = cv2.remap(self.square.window, pixels, None, cv2.INTER_LINEAR)
        return found.reshape(places.shape[:-1])

    def inputs(self, own: np.ndarray) -> list[Tensor]:
        """The moved photo and what the network starts from, [1, 3, S, S] in grey levels; what lies
        between lips or lids, now and in the photo, [1, 1, S, S]; and the edge heatmaps."""
        square = self.square
        places = moved_places(square, self.motion, own)
        prior = prior_picture(square, self.photo, places, own, self.motion.raw, self.cavity)
        sizes = [square.size // part for part in (8, 4, 2)]
        maps = edge_maps_numpy(self._points(own), self.thickness, sizes)
        return [
            self._tensor(square.cut(self.photo, places)),
            self._tensor(prior),
            self._tensor(inside(square, own)[..., None]),
            self.between_rest,
            *(torch.from_numpy(np.take(one, LINES, axis=0))[None] for one in maps),
        ]

    def as_seen(self, change: np.ndarray) -> np.ndarray:
        """[S, S, 3], what the network changed, as it stands in the photo."""
        return np.ascontiguousarray(change[:, ::-1] if self.mirrored else change)

    def lay(self, frame: np.ndarray, change: np.ndarray, head: Similarity) -> None:
        """Add a change [S, S, 3] to a frame that shows the photo moved."""
        change = change * self.square.window[..., None]
        last = self.square.size - 1
        corners = np.array([[0, 0], [last, 0], [0, last], [last, last]], np.float32)
        corners = head(self.square.to_photo(corners))
        x0, y0 = np.floor(np.maximum(corners.min(0), 0)).astype(int)
        x1, y1 = np.ceil(np.minimum(corners.max(0) + 1, frame.shape[1::-1])).astype(int)
        if x1 <= x0 or y1 <= y0:
            return
        x, y = np.meshgrid(np.arange(x0, x1, dtype=np.float32), np.arange(y0, y1, dtype=np.float32))
        pixels = self.square.to_pixels(head.inverse()(np.dstack([x, y])))
        how = cv2.INTER_CUBIC if self.square.scale > 1.2 else cv2.INTER_LINEAR
        change = cv2.remap(change, pixels, None, how, borderMode=cv2.BORDER_CONSTANT)
        region = frame[y0:y1, x0:x1, :3]
        region[...] = np.clip(region + change + 0.5, 0, 255).astype(np.uint8)

    def _points(self, own: np.ndarray) -> np.ndarray:
        """[133, 3], the face as the network is shown it."""
        points = np.zeros((layout.NUM_POINTS, 3), np.float32)
        points[layout.FACE, :2] = self.square.to_unit(own)
        points[layout.FACE, 2] = 1.0
        return points[layout.MIRROR] * np.array([-1, 1, 1], np.float32) if self.mirrored else points

    def _tensor(self, picture: np.ndarray) -> Tensor:
        """[S, S, C] -> [1, C, S, S] float32, in a mirror where the network is shown one."""
        picture = picture[:, ::-1] if self.mirrored else picture
        return torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1)[None].float()
