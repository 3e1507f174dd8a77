"""The ablation's baseline without tokens (Contextual Gesture, table 2), for benchmarks/motion.py.

A YAML file for `--generator` names it and the weights it reads:

    name: raw_landmarks:RawLandmarks
    options: {tokenizer: tokenizer.safetensors, weights: generator.safetensors}

The generator's training regresses the motion from speech and reference beside predicting tokens;
here that regression is the motion.
"""

from __future__ import annotations

import torch

from gesticulate.keypoints.motion import Motion
from gesticulate.motion.contextual import ContextualGenerator
from gesticulate.motion.finish import RawMotion
from gesticulate.motion.vectors import to_motion
from gesticulate.speech.track import SpeechFeatures


class RawLandmarks(ContextualGenerator):
    """`MotionGenerator`: the motion that speech lets expect. Every seed gives the same."""

    name = "raw-landmarks"

    @torch.inference_mode()
    def generate(
        self,
        speech: SpeechFeatures,
        reference: Motion,
        *,
        seed: int = 0,
    ) -> RawMotion:
        """See `MotionGenerator`."""
        self.check(speech, reference)
        face, body = (self.regressed(part, speech.features, reference) for part in ("face", "body"))
        motion = to_motion(face, body, reference)
        opening = self.expected_opening(speech.features, reference)
        return RawMotion.of(motion, opening, self.options.finishing)
