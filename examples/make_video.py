"""A photo and a speech to a video, in Python.

    python examples/make_video.py photo.jpg speech.wav talk.mp4

Without arguments it uses the demo's photo and speech.
"""

import sys

from gesticulate.examples import demo_photo, demo_speech
from gesticulate.pipelines.gesture_video import GestureVideoPipeline

if __name__ == "__main__":
    photo, speech, out = (
        sys.argv[1:4] if len(sys.argv) > 3 else (demo_photo(), demo_speech(), "talk.mp4")
    )
    pipeline = GestureVideoPipeline.from_preset("contextual")
    video = pipeline(photo, speech, out, seed=1, size=512)
    print(f"{video.path}: {video.num_frames} frames of {video.size[0]} x {video.size[1]} pixels")
    for stage, seconds in video.timings.items():
        print(f"  {stage:<10}{seconds:6.1f} s")
