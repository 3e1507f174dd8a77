"""An edit as the command line asks for it, with progress shown."""

from __future__ import annotations

import sys

from ...errors import UsageError
from ...motion.manner import asked
from ..console import BarProgress, JsonProgress
from ..log import remarks
from ..progress import Callback
from .edits import Edit, in_order, load_edits
from .options import EditOptions


def show_edit(options: EditOptions) -> None:
    """Edit a video as asked, and say what was made."""
    edits = in_order(asked_edits(options))
    if options.json_progress:
        report = JsonProgress()
        with remarks(lambda text: print(text, file=sys.stderr)):
            edited = _run(options, edits, report)
        report.write(
            stage="done",
            paths=[str(path) for path in edited.paths],
            sheet=None if edited.sheet is None else str(edited.sheet),
            spans=edited.spans,
            photos=edited.photos,
            frames=edited.num_frames,
            size=edited.size,
            fps=edited.fps,
            seconds={stage: round(spent, 3) for stage, spent in edited.timings.items()},
            notes=edited.notes,
        )
        return
    with BarProgress() as bars, remarks(bars.console.print):
        edited = _run(options, edits, bars)
    spans = ", ".join(
        f"{first}-{last - 1} (drawn from frame {photo})"
        for (first, last), photo in zip(edited.spans, edited.photos, strict=True)
    )
    made = [*edited.paths, *([] if edited.sheet is None else [edited.sheet])]
    bars.console.print(
        f"{', '.join(map(str, made))}: {edited.num_frames} frames, made anew: {spans}; "
        f"in {sum(edited.timings.values()):.1f} s.",
        highlight=False,
    )


def asked_edits(options: EditOptions) -> list[Edit]:
    """The spans of the command line. Raises: UsageError where they are not told, or twice."""
    own = (options.start, options.stop, options.speech)
    if options.edits is not None:
        if any(value is not None for value in own) or options.parts != EditOptions.parts:
            raise UsageError(
                "--edits replaces --from, --to, --parts and --speech. Give one or the other."
            )
        return load_edits(options.edits)
    if options.start is None or options.stop is None:
        raise UsageError("Which span? Give --from and --to in seconds, or --edits with a file.")
    return [Edit(options.start, options.stop, options.parts, options.speech)]


def _run(options: EditOptions, edits: tuple[Edit, ...], callback: Callback):
    from ..outputs import check_outputs
    from .preview import take_paths
    from .sound import check_speech
    from .video import open_video

    # What can be wrong with the arguments is said before the stages load.
    for path in take_paths(options.out, options.takes)[0]:
        check_outputs(path, None, inputs=(options.video, *(edit.speech for edit in edits)))
    open_video(options.video, edits)
    check_speech(edits)
    manner = asked(options.style)
    from .pipeline import EditPipeline

    pipeline = EditPipeline.from_preset(options.preset, device=options.device)
    return pipeline(
        options.video,
        edits,
        options.out,
        seed=options.seed,
        takes=options.takes,
        manner=manner,
        callback=callback,
    )
