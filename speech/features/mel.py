"""The embedded speech encoder: mel bands and prosody, no weights, the same everywhere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..pitch import VOICED, pitch
from ..rhythm import frame_peak, onset_strength, pulse
from ..spectrum import BANDS, HOPS_PER_FRAME, frame_energy, log_mel
from ..track import Speech, SpeechFeatures
from ..voice_activity import frame_share, voiced_hops

PROSODY = ("energy", "pitch", "voicing", "onset", "pulse", "voice")
MEL_CHANNELS = HOPS_PER_FRAME * BANDS

# One unit of a normalised mel band or of energy: about the standard deviation in running speech.
_DB_PER_UNIT = 10.0
# What lies further than this below the speech's mean is the room's noise and not the speaker's:
# cut off there, a studio and a kitchen recording look alike in the pauses.
_LOWEST, _HIGHEST = -2.5, 3.0
# A band's own mean is trusted as if half a second at the mean of all bands came on top; a word
# alone would otherwise be normalised to nothing.
_PRIOR_SECONDS = 0.5
_SEMITONES_PER_UNIT = 6.0


class MelEncoder:
    """Speech -> [T, 166] features that training and the offline default use.

    0..159: log-mel, four looks a frame in time order, 40 bands from 50 to 7600 Hz each; per
        band relative to its mean over the speech of the recording (loudness, microphone and room
        drop out), in units of 10 dB, within -2.5..3. Column 40 h + b is band b of quarter h.
    160 energy: mel energy as a whole, relative to its mean over the speech, units of 10 dB,
        within -2.5..3.
    161 pitch: relative to the recording's median, in units of 6 semitones, within -3..3;
        0 where unvoiced.
    162 voicing: 0..1, periodicity.
    163 onset: onset strength, about 1 at a strong syllable, within 0..3.
    164 pulse: 0..1, predominant local pulse.
    165 voice: 0..1, voice activity.
    """

    name = "mel"
    channels = MEL_CHANNELS + len(PROSODY)

    def encode(self, speech: Speech, fps: float) -> SpeechFeatures:
        """Features of T = speech.num_frames(fps) frames; row t sees [t, t + 1) / fps seconds."""
        analysis = analyse(speech, fps)
        mel = analysis.mel.reshape(-1, MEL_CHANNELS)
        return SpeechFeatures(
            features=np.concatenate([mel, analysis.prosody], axis=1),
            voice=analysis.prosody[:, PROSODY.index("voice")].copy(),
            energy=frame_energy(speech, fps),
            onset=analysis.prosody[:, PROSODY.index("onset")].copy(),
            fps=fps,
        )


@dataclass(frozen=True)
class Analysis:
    """mel: [4 T, 40] normalised log-mel; prosody: [T, 6], the columns of PROSODY."""

    mel: np.ndarray
    prosody: np.ndarray


def analyse(speech: Speech, fps: float) -> Analysis:
    """Everything the mel encoder knows of a recording."""
    rate = fps * HOPS_PER_FRAME
    mel_db = log_mel(speech, fps)
    spoken = voiced_hops(mel_db, rate)
    loudness = 10 * np.log10(np.mean(10 ** (mel_db / 10), axis=1))
    mel = _normalise_bands(mel_db, spoken, rate)
    del mel_db
    onset = onset_strength(np.ascontiguousarray(mel) * _DB_PER_UNIT)
    f0, voicing = pitch(speech, fps)
    prosody = np.stack(
        [
            frame_peak(_relative(loudness, spoken)),
            _frame_pitch(f0, voicing, spoken),
            voicing.reshape(-1, HOPS_PER_FRAME).mean(axis=1) * frame_share(spoken),
            np.clip(frame_peak(onset), 0, 3),
            frame_peak(pulse(onset, rate)),
            frame_share(spoken),
        ],
        axis=1,
    ).astype(np.float32)
    return Analysis(mel, prosody)


def _normalise_bands(mel_db: np.ndarray, spoken: np.ndarray, rate: float) -> np.ndarray:
    """[4 T, 40] float32: each band relative to its mean while somebody speaks."""
    if not spoken.any():
        return np.full_like(mel_db, _LOWEST)
    # Bands beyond the recording's own band width (telephone speech) must not become noise.
    speech_db = mel_db[spoken]
    overall = float(speech_db.mean())
    count, prior = len(speech_db), _PRIOR_SECONDS * rate
    mean = (speech_db.sum(axis=0, dtype=np.float64) + prior * overall) / (count + prior)
    mean = np.maximum(mean, overall - 30).astype(np.float32)
    return np.clip((mel_db - mean) / _DB_PER_UNIT, _LOWEST, _HIGHEST)


def _relative(loudness: np.ndarray, spoken: np.ndarray) -> np.ndarray:
    if not spoken.any():
        return np.full_like(loudness, _LOWEST)
    return np.clip((loudness - loudness[spoken].mean()) / _DB_PER_UNIT, _LOWEST, _HIGHEST)


def _frame_pitch(f0: np.ndarray, voicing: np.ndarray, spoken: np.ndarray) -> np.ndarray:
    """[T]: mean over each frame's voiced hops of the distance to the median, 0 where none is."""
    voiced = (f0 > 0) & (voicing > VOICED) & spoken
    if not voiced.any():
        return np.zeros(len(f0) // HOPS_PER_FRAME, dtype=np.float32)
    semitones = np.where(voiced, 12 * np.log2(np.maximum(f0, 1) / np.median(f0[voiced])), 0)
    voiced, semitones = (x.reshape(-1, HOPS_PER_FRAME) for x in (voiced, semitones))
    mean = semitones.sum(axis=1) / np.maximum(voiced.sum(axis=1), 1)
    return np.clip(mean / _SEMITONES_PER_UNIT, -3, 3).astype(np.float32)
