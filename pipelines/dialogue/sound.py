"""What a dialogue's videos play."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...speech.track import SAMPLE_RATE, Speech
from ...speech.turns import Conversation


def joint_sound(conversation: Conversation, folder: Path) -> Path:
    """Both speakers: the file they were recorded in as it is, else one a channel, the left person
    on the left. folder: for a file of two."""
    from ...video.tracks import join_tracks

    if conversation.together is not None:
        return conversation.together
    path = folder / "both.wav"
    if conversation.voices is not None:
        join_tracks(conversation.voices, conversation.duration, path)
        return path
    import soundfile

    sides = np.stack([conversation.left.waveform, conversation.right.waveform], axis=1)
    soundfile.write(path, sides, SAMPLE_RATE, subtype="FLOAT")
    return path


def own_sound(conversation: Conversation, side: int, folder: Path) -> Speech | Path:
    """What one says, 0 for the left person; as recorded, where that is known."""
    from ...video.tracks import join_tracks

    if conversation.voices is None:
        return (conversation.left, conversation.right)[side]
    path = folder / f"{side}.wav"
    join_tracks(conversation.voices[side : side + 1], conversation.duration, path)
    return path
