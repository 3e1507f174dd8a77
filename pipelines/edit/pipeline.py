"""Editing: gestures of a marked span of a video are made again, the rest stays.

    video -> poses around the span -> tokens, masked in the span -> made anew by the speech
          -> asked parts faded in -> drawn from a frame of the same video -> into the real frames

Frames outside the spans are the video's own, encoded once more with the rest; the sound's packets
are copied where MP4 can hold them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ... import __version__
from ...atomic import temporary_folder
from ...errors import UsageError
from ...keypoints.poses import Poses
from ...motion.manner import AS_MADE, Manner
from ...process_wide import one_blas_thread
from ..components import Staged
from ..gesture_video import GestureVideoPipeline, check_encoder
from ..log import collected_warnings
from ..outputs import check_output, check_outputs
from ..preset import DEFAULT_PRESET
from ..progress import Callback, Meter
from ..stages import (
    MotionEditor,
    PoseEstimator,
    PreparedPhoto,
    Renderer,
    SpeechEncoder,
    check_prepares,
)
from .edits import Edit, in_order
from .matte import composed
from .preview import Preview, take_paths
from .sound import heard, sound_of
from .source import Source, find_source
from .span import DISSOLVE_SECONDS, Span, measure_span
from .video import open_video

_PROVENANCE = f"Edited by gesticulate {__version__}: parts of the person's motion are synthetic."


@dataclass(frozen=True)
class EditedVideo:
    """What an edit made.

    paths: a video a take. sheet: the preview of all takes, or None. spans: their first frame and
    the one behind the last. photos: the frame each span was drawn from. own, poses: the poses in
    and around each span, before, and after in each take; sections: their first frames. size:
    (width, height). notes: warnings.
    """

    paths: tuple[Path, ...]
    sheet: Path | None
    spans: tuple[tuple[int, int], ...]
    photos: tuple[int, ...]
    sections: tuple[int, ...]
    own: tuple[Poses, ...]
    poses: tuple[tuple[Poses, ...], ...]
    size: tuple[int, int]
    fps: float
    num_frames: int
    timings: dict[str, float]
    notes: tuple[str, ...]


class EditPipeline(Staged):
    """The stages of the main job; the motion generator must also be a `MotionEditor`."""

    def __init__(
        self,
        estimator: PoseEstimator,
        speech_encoder: SpeechEncoder,
        motion_generator: Any,
        renderer: Renderer,
    ) -> None:
        check_encoder(motion_generator, speech_encoder)
        check_prepares(renderer)
        if not isinstance(motion_generator, MotionEditor):
            raise UsageError(
                f"The motion generator {motion_generator.name!r} cannot make a span anew (it has "
                "no `infill`). Use the preset's 'contextual', or see stages.MotionEditor."
            )
        self.estimator = estimator
        self.speech_encoder = speech_encoder
        self.motion_generator = motion_generator
        self.renderer = renderer

    @classmethod
    def from_preset(
        cls, preset: str | Path = DEFAULT_PRESET, *, device: str = "auto", **stages: Any
    ) -> EditPipeline:
        """As `GestureVideoPipeline.from_preset`."""
        built = GestureVideoPipeline.from_preset(preset, device=device, **stages)
        return cls(built.estimator, built.speech_encoder, built.motion_generator, built.renderer)

    def __call__(
        self,
        video: str | Path,
        edits: Iterable[Edit],
        out: str | Path,
        *,
        seed: int = 0,
        takes: int = 1,
        manner: Manner = AS_MADE,
        callback: Callback | None = None,
    ) -> EditedVideo:
        """Edit a video.

        edits: the spans, none overlapping. out: the video to write; of several takes
        ``out-1.mp4``, ``out-2.mp4``, ... and ``out.png``, which shows them beside the original.
        seed: of the first take; the next ones count up. manner: how often and how far hands move in
        the spans, see `motion.manner.asked`.
        Raises: UsageError, InputError, WeightsError; nothing half-written is left behind.
        """
        edits = in_order(edits)
        paths, sheet = take_paths(Path(out), takes)
        for path in paths:
            check_outputs(path, None, inputs=(video, *(edit.speech for edit in edits)))
        if sheet is not None:
            check_output(sheet)
        meter = Meter(callback)
        with one_blas_thread.held(), collected_warnings() as notes:
            with meter.stage("read"):
                reader = open_video(video, edits)
                track = heard(reader, edits)
            with meter.stage("features"):
                features = self.speech_encoder.encode(track, self.motion_generator.fps)
            spans = [
                measure_span(edit, reader, reader.num_frames, self.estimator, meter)
                for edit in edits
            ]
            made = []
            for take in range(takes):
                with meter.stage("motion", steps=len(spans)):
                    made.append(
                        [
                            span.new_motion(
                                self.motion_generator,
                                features,
                                seed + take if span.edit.seed is None else span.edit.seed,
                                manner,
                            )
                            for span in spans
                        ]
                    )
            with meter.stage("photo", steps=len(spans)):
                sources = [
                    find_source(span, motions, reader)
                    for span, motions in zip(spans, zip(*made, strict=True), strict=True)
                ]
            poses = [
                tuple(
                    span.new_poses(motion, source.pose)
                    for span, motion, source in zip(spans, motions, sources, strict=True)
                )
                for motions in made
            ]
            drawings = list(zip(spans, sources, strict=True))
            count = self._write(reader, drawings, poses, paths, sheet, meter)
        return EditedVideo(
            paths=paths,
            sheet=sheet,
            spans=tuple((span.first, span.last) for span in spans),
            photos=tuple(source.at for source in sources),
            sections=tuple(span.section for span in spans),
            own=tuple(span.own for span in spans),
            poses=tuple(poses),
            size=reader.info.size,
            fps=reader.fps,
            num_frames=count,
            timings=meter.timings,
            notes=tuple(notes),
        )

    def _write(
        self,
        reader: Any,
        drawings: list[tuple[Span, Source]],
        takes: list[tuple[Poses, ...]],
        paths: tuple[Path, ...],
        sheet: Path | None,
        meter: Meter,
    ) -> int:
        """Write the videos and the preview; returns the number of frames."""
        from ...video.encodings import like
        from ...video.write import write_video

        encoding = like(reader.track, paths[0])
        spans = [span for span, _ in drawings]
        preview = Preview(spans)
        ready: dict[int, PreparedPhoto] = {}
        with temporary_folder(paths[0].parent) as folder:
            sound = sound_of(reader, [span.edit for span in spans], folder)
            for take, (poses, path) in enumerate(zip(takes, paths, strict=True), start=1):
                began, before = time.perf_counter(), meter.timings.get("render", 0.0)
                drawn = {
                    span.first: self._drawn(span, source, new, ready, keep=take < len(paths))
                    for (span, source), new in zip(drawings, poses, strict=True)
                }
                own = reader.deep() if encoding.deep else reader
                frames = preview.watched(_frames(own, drawn), take)
                write_video(
                    path,
                    meter.stream("render", frames, reader.num_frames),
                    fps=reader.fps,
                    size=reader.info.size,
                    metadata={"comment": _PROVENANCE},
                    encoding=encoding,
                    **sound,
                )
                spent = time.perf_counter() - began - (meter.timings["render"] - before)
                meter.add("encode", spent)
        if sheet is not None:
            preview.watch_originals(reader)
            preview.save(sheet)
        return preview.count

    def _drawn(
        self,
        span: Span,
        source: Source,
        new: Poses,
        ready: dict[int, PreparedPhoto],
        keep: bool,
    ) -> Iterator[Any]:
        """For each frame of the span, what puts its drawing into the real frame.

        ready: photos that an earlier take prepared, by the span's first frame. keep: for the next
        take; else the photo is held only while its span is drawn.
        """
        photo = ready.pop(span.first, None)
        if photo is None:
            photo = self.renderer.prepare(source.photo, source.pose)
        if keep:
            ready[span.first] = photo
        own, new = span.own[span.within], new[span.within]
        pairs = zip(
            photo.render(own),
            photo.render(new),
            own.points,
            new.points,
            span.share(DISSOLVE_SECONDS)[span.within],
            strict=True,
        )
        for was, edited, own_points, new_points, share in pairs:
            yield partial(
                composed,
                as_was=was,
                as_edited=edited,
                own=own_points,
                edited=new_points,
                width=span.person.width,
                plates=source.plates,
                share=share,
            )


def _frames(video: Iterable[Any], drawn: dict[int, Iterator[Any]]) -> Iterator[Any]:
    """The video's frames with the spans' drawn in, [H, W, 3] uint8 or uint16 each, as they came.

    drawn: by the first frame of a span, what changes each of its frames; of 8 bits.
    """
    running: Iterator[Any] | None = None
    for at, frame in enumerate(video):
        running = drawn.get(at, running)
        change = None if running is None else next(running, None)
        if change is None:
            yield frame
        else:
            yield change(frame) if frame.dtype == np.uint8 else _changed(frame, change)


def _changed(frame: np.ndarray, change: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """A change of 8 bits in a frame of 16: what it leaves alone keeps all its bits."""
    coarse = np.rint(frame / 257).astype(np.uint8)
    added = 257 * (change(coarse).astype(np.int32) - coarse)
    return np.clip(frame + added, 0, 65535).astype(frame.dtype)
