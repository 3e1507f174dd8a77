"""What the page "Make" does: look at the photo, preview the motion, make the video."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

import gradio as gr

from ..errors import GesticulateError
from ..pipelines.gesture_video import GestureVideo, GestureVideoPipeline
from ..pipelines.look import PersonAt, look
from ..pipelines.materials import sound_seconds, write_demo
from ..pipelines.options import Settings
from ..pipelines.plan import plan
from ..pipelines.sheet import write_sheet
from .desk import PROGRESS, STOPPED, Desk
from .jobs import Job
from .uploads import check_length, check_photo, check_recording
from .wishes import point_wish, settings_wish, size_wish

PURPOSE = "make"


class Make:
    """The handlers; each gets the page's values in the order of the components."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def example(self, request: gr.Request) -> tuple[str, str]:
        """The demo's photo and speech."""
        photo, speech = write_demo(self.desk.new_folder(request))
        return str(photo), str(speech)

    def look(
        self, request: gr.Request, photo: Any, point: Any, size: Any, preset: Any
    ) -> tuple[str | None, str]:
        """The photo with its skeleton, and what of it can move."""
        from PIL import Image

        if photo is None:
            return None, ""
        path, at = check_photo(photo), point_wish(point)
        engine = self.desk.engine
        with engine.sketching:
            estimator = engine.sketch(preset).estimator
            chosen = estimator if at is None else PersonAt(estimator, at)
            seen = look(path, chosen, size_wish(size))
        out = self.desk.new_folder(request) / "photo.jpg"
        Image.fromarray(seen.picture).save(out, quality=90)
        text = "".join(f"- {html.escape(_sentence(part))}\n" for part in seen.parts)
        if seen.notes:
            text += f"\n**Please note**\n\n{self.desk.said(seen.notes)}"
            if any("persons" in note for note in seen.notes):
                text += "\nClick the person you mean in the picture above."
        return str(out), text

    def choose(self, event: gr.SelectData, looked: Any) -> list[float] | None:
        """A click on the picture, as shares of its width and height."""
        from PIL import Image

        if looked is None or not isinstance(event.index, (list, tuple)):
            return None
        with Image.open(looked) as picture:
            width, height = picture.size
        x, y = event.index[:2]
        return [min(1.0, max(0.0, x / width)), min(1.0, max(0.0, y / height))]

    def estimate(self, photo: Any, speech: Any, *controls: Any) -> str:
        """How long it will take, or nothing while something is missing or wrong."""
        if photo is None or speech is None:
            return "Choose a photo and a speech, and this tells how long it will take."
        try:
            settings = settings_wish(*controls)
            self._check_speech(speech)
            planned = plan(check_photo(photo), speech, "talk.mp4", settings)
        except GesticulateError as error:
            return html.escape(self.desk.sessions.plain(str(error)))
        takes = "" if planned.time is None else f", about {planned.time} s on two processor cores"
        return (
            f"{planned.frames} frames of {planned.size[0]} x {planned.size[1]} pixels{takes}; "
            f"about {planned.memory} MB of memory."
        )

    def preview(
        self, request: gr.Request, progress: Any = PROGRESS, *values: Any
    ) -> tuple[str, str]:
        """The skeletons alone, in seconds."""
        photo, speech, point, *controls = values
        settings = settings_wish(*controls)
        picture, sound = check_photo(photo), self._check_speech(speech)
        folder = self.desk.new_folder(request)
        engine, out = self.desk.engine, folder / "preview.mp4"
        with engine.sketching:
            progress(0.0, desc="Loading the models")
            job = Job()
            video = self._run(
                engine.sketch(settings.preset), picture, sound, out, settings, point, job, progress,
                preview="skeleton",
            )  # fmt: skip
        return str(out), self._report(video, "Preview")

    def make(
        self, request: gr.Request, progress: Any = PROGRESS, *values: Any
    ) -> tuple[str, str, list[str], str]:
        """The video, its sheet of frames, the files to download, and what was done."""
        photo, speech, point, *controls = values
        settings = settings_wish(*controls)
        picture, sound = check_photo(photo), self._check_speech(speech)
        progress(0.0, desc="Waiting for the turn")
        with self.desk.device.job(str(request.session_hash), PURPOSE) as job:
            folder = self.desk.new_folder(request)
            out, poses, sheet = (folder / name for name in ("talk.mp4", "talk.npz", "talk.png"))
            progress(0.0, desc="Loading the models")
            pipeline = self.desk.engine.gestures(settings.preset)
            video = self._run(
                pipeline, picture, sound, out, settings, point, job, progress, save_poses=poses
            )
            progress(1.0, desc="Making the sheet of frames")
            write_sheet(out, sheet)
        files = [str(file) for file in sorted(folder.iterdir()) if file.is_file()]
        return str(out), str(sheet), files, self._report(video, "The video")

    def stop(self, request: gr.Request) -> str:
        """End the render; answers when it has ended."""
        stopped = self.desk.device.stop(str(request.session_hash), PURPOSE)
        return STOPPED if stopped else "Nothing is being made."

    def _check_speech(self, speech: Any) -> Path:
        path, most = check_recording(speech), self.desk.options.max_seconds
        check_length(sound_seconds(path, most), most, "speech")
        return path

    def _run(
        self,
        pipeline: GestureVideoPipeline,
        photo: Path,
        speech: Path,
        out: Path,
        settings: Settings,
        point: Any,
        job: Job,
        progress: gr.Progress,
        **more: Any,
    ) -> GestureVideo:
        at = point_wish(point)
        if at is not None:
            pipeline = GestureVideoPipeline(
                PersonAt(pipeline.estimator, at),
                pipeline.speech_encoder,
                pipeline.motion_generator,
                pipeline.renderer,
            )
        return pipeline(
            photo,
            speech,
            out,
            fps=settings.fps,
            size=settings.size,
            seed=settings.seed,
            expressiveness=settings.expressiveness,
            manner=settings.manner(),
            callback=job.callback(lambda done, text: progress(done, desc=text)),
            **more,
        )

    def _report(self, video: GestureVideo, what: str) -> str:
        spent = sum(video.timings.values())
        text = (
            f"{what}: {video.num_frames} frames, {video.size[0]} x {video.size[1]} pixels, "
            f"{video.fps:g} frames a second; made in {spent:.1f} s."
        )
        return text + (f"\n\n{self.desk.said(video.notes)}" if video.notes else "")


def _sentence(part: Any) -> str:
    """What a part can do, for people. part: `pipelines.check.PartCheck`."""
    does = "stays still" if part.share == 0 else "moves" if part.share == 1 else "moves less"
    return f"The {part.part} {does}{': ' * bool(part.reason)}{part.reason}."
