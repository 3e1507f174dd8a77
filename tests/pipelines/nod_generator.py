"""A motion generator without weights: the head nods and the hands beat with the loudness.

It stands for a stage from another package: tests hand it over as an object, and by entry point.
"""

import numpy as np

from gesticulate.keypoints import layout
from gesticulate.keypoints.motion import Motion
from gesticulate.speech.track import SpeechFeatures


class NodGenerator:
    name = "nod"
    fps = 25.0
    speech_encoder = "mel"

    def __init__(self, depth: float = 0.05) -> None:
        """depth: of a nod, in shoulder widths."""
        self.depth = depth

    def generate(
        self,
        speech: SpeechFeatures,
        reference: Motion,
        *,
        seed: int = 0,
    ) -> Motion:
        sway = np.cumsum(np.random.default_rng(seed).normal(size=len(speech))) * 0.002
        beat = self.depth * speech.voice * np.clip(speech.energy + 60, 0, 60) / 60 + sway
        points = np.repeat(reference.points, len(speech), axis=0)
        nose = layout.MOTION_FACE.start + layout.FACE_NOSE_TIP
        points[1:, nose, 1] += beat[1:]
        points[1:, layout.MOTION_ARMS, 1][:, 4:] -= beat[1:, None]
        return Motion(points, np.repeat(reference.confidence, len(speech), axis=0), speech.fps)
