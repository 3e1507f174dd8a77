"""Speech encoders whose weights are part of the package: mel bands, and Whisper's phones."""

from .mel import MEL_CHANNELS, PROSODY, Analysis, MelEncoder, analyse

__all__ = ["MEL_CHANNELS", "PROSODY", "Analysis", "MelEncoder", "analyse"]
