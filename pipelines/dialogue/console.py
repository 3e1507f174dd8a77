"""A dialogue as the command line asks for it, with progress shown."""

from __future__ import annotations

import sys
from dataclasses import replace

from ..console import BarProgress, JsonProgress
from ..log import collected_warnings, remarks
from ..progress import Callback, Meter
from .options import DialogueOptions
from .pipeline import DialogueVideo


def show_dialogue(options: DialogueOptions) -> None:
    """Make a dialogue as asked, and say what was made."""
    if options.json_progress:
        report = JsonProgress()
        with remarks(lambda text: print(text, file=sys.stderr)):
            video = _run(options, report)
        report.write(
            stage="done",
            paths=[str(path) for path in video.paths],
            frames=video.num_frames,
            size=video.size,
            fps=video.fps,
            seconds={stage: round(spent, 3) for stage, spent in video.timings.items()},
            notes=video.notes,
        )
        return
    with BarProgress() as bars, remarks(bars.console.print):
        video = _run(options, bars)
    bars.console.print(
        f"{', '.join(map(str, video.paths))}: {video.num_frames} frames, {video.size[0]} x "
        f"{video.size[1]} pixels, {video.fps:g} frames/s; made in "
        f"{sum(video.timings.values()):.1f} s.",
        highlight=False,
    )


def _run(options: DialogueOptions, callback: Callback) -> DialogueVideo:
    from ...speech.turns import read_conversation
    from ...video.photo import read_photo
    from ..outputs import check_outputs
    from .pipeline import DialoguePipeline, out_paths

    # What can be wrong with the inputs is said before the stages load, which takes some seconds.
    inputs = (options.left, options.right, *options.speech)
    for path in out_paths(options.out, options.separate):
        check_outputs(path, None, inputs=inputs)
    meter = Meter(callback)
    with collected_warnings() as notes:
        with meter.stage("read"):
            photos = read_photo(options.left), read_photo(options.right)
            device = "cpu" if options.device == "auto" else options.device
            conversation = read_conversation(options.speech, device)
            if options.swap:
                conversation = conversation.swapped()
        with meter.stage("load"):
            pipeline = DialoguePipeline.from_preset(options.preset, device=options.device)
        video = pipeline(
            *photos,
            conversation,
            options.out,
            separate=options.separate,
            fps=options.fps,
            size=options.size,
            seed=options.seed,
            expressiveness=options.expressiveness,
            preview=options.preview,
            callback=callback,
        )
    return replace(video, timings={**meter.timings, **video.timings}, notes=tuple(notes))
