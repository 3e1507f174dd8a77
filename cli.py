"""The command line. Its modules load only what the chosen command needs, when it needs it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from .errors import GesticulateError, UsageError

if TYPE_CHECKING:
    from .pipelines.options import Settings

INTERRUPTED = 130
TERMINATED = 143

_DESCRIPTION = """Make the person in a photo speak and gesture to a speech recording.

Other commands (each with its own --help):
  gesticulate demo                a video from a photo and a speech that come along
  gesticulate dialogue            two people in talk, from two photos and what both say
  gesticulate edit                gestures of a marked span of a video, made anew
  gesticulate dataset build       a training set from videos
  gesticulate dataset words       the words of a training set, with their times
  gesticulate convert animation   the diffusion renderer's public weights in one file
  gesticulate retrieve            the clips of a library whose motion goes best with a speech
  gesticulate train alignment     train the speech-gesture alignment
  gesticulate train tokenizer     train the motion tokenizers
  gesticulate train generator     train the motion generator
  gesticulate train skeleton-diffusion  train a motion generator by diffusion of skeletons
  gesticulate train fine-gesture  train FineGesture: diffusion of motion codes
  gesticulate train dialogue      train the motion generator for two people in talk
  gesticulate train renderer      train the learned renderer
  gesticulate train animation     train the diffusion renderer
  gesticulate train autoencoder   train the motion autoencoder that FGD is measured in
  gesticulate evaluate            measure generated clips against real ones
  gesticulate presets             the presets and what they are for
  gesticulate styles              the styles of gesturing, by name

With --debug, an error shows where it arose. Exit codes: 0 done, 1 failed, 2 wrong arguments,
130 interrupted."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code. argv: without the program's name."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in arguments
    if debug:
        arguments.remove("--debug")
    _exit_cleanly_when_terminated()
    # The networks and splines are small: threads that wait for work by spinning cost four times
    # the processor time of the work itself (70 ms instead of 19 ms a frame on two busy cores).
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        return _dispatch(arguments)
    except KeyboardInterrupt:
        print("gesticulate: interrupted; no unfinished file was left.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # whoever read our output (head, less) has left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if debug:
            raise
        known = isinstance(error, GesticulateError)
        message = str(error) if known else f"{type(error).__name__}: {error}"
        hint = "" if known else "\nThis is unexpected; --debug shows where it arose."
        print(f"gesticulate: {message}{hint}", file=sys.stderr)
        return error.exit_code if isinstance(error, GesticulateError) else 1


def _dispatch(arguments: list[str]) -> int:
    """Choose the command by its first words; without one it is the main job."""
    if arguments[:1] == ["--version"]:
        from . import __version__

        print(f"gesticulate {__version__}")
        return 0
    for words, command in _COMMANDS.items():
        if tuple(arguments[: len(words)]) == words:
            return command(arguments[len(words) :])
    if arguments[:1] in (["dataset"], ["train"], ["convert"]):
        choices = [words[1] for words in _COMMANDS if words[0] == arguments[0] and len(words) > 1]
        wanted = " or ".join(f"`gesticulate {arguments[0]} {choice}`" for choice in choices)
        if arguments[1:] in (["--help"], ["-h"]):
            print(f"Use {wanted}, each with its own --help.")
            return 0
        raise UsageError(f"Expected {wanted}.")
    return _run(arguments)


def _parse(
    cls: Any,
    arguments: list[str],
    prog: str,
    description: str | None = None,
    default: Any = None,
) -> Any:
    """Options from the command line; --help and wrong arguments end the program (0 and 2)."""
    import tyro

    return tyro.cli(
        cls,
        args=arguments,
        prog=prog,
        description=description,
        default=tyro.MISSING_NONPROP if default is None else default,
        config=(tyro.conf.FlagCreatePairsOff, tyro.conf.HelptextFromCommentsOff),
    )


def _run(arguments: list[str]) -> int:
    from .pipelines.options import RunOptions

    options = _parse(RunOptions, arguments, "gesticulate", _DESCRIPTION)
    return _make_video(options.photo, options.speech, options.out, options.settings)


def _demo(arguments: list[str]) -> int:
    from .pipelines.options import DemoOptions

    options = _parse(DemoOptions, arguments, "gesticulate demo")
    from .examples import demo_photo, demo_speech

    return _make_video(demo_photo(), demo_speech(), options.out, options.settings)


def _make_video(photo: Any, speech: Any, out: Any, settings: Settings) -> int:
    if settings.dry_run:
        from .pipelines.plan import plan

        planned = plan(photo, speech, out, settings)
        print(planned.json() if settings.json_progress else planned.text())
        return 0
    from .pipelines.console import show_run

    show_run(photo, speech, out, settings)
    return 0


def _dialogue(arguments: list[str]) -> int:
    from .pipelines.dialogue.options import DialogueOptions

    options = _parse(DialogueOptions, arguments, "gesticulate dialogue")
    from .pipelines.dialogue.console import show_dialogue

    show_dialogue(options)
    return 0


def _edit(arguments: list[str]) -> int:
    from .pipelines.edit.options import EditOptions

    options = _parse(EditOptions, arguments, "gesticulate edit")
    from .pipelines.edit.console import show_edit

    show_edit(options)
    return 0


def _dataset_build(arguments: list[str]) -> int:
    from .datasets.options import BuildOptions

    options = _parse(BuildOptions, arguments, "gesticulate dataset build")
    from .datasets.build import build
    from .pipelines.console import BarProgress, remarks

    with BarProgress() as bars, remarks(bars.console.print):
        report = build(options, bars.steps)
    print(
        f"{report.folder}: {report.clips} clips, {report.minutes:.1f} minutes; "
        f"{sum(report.rejected.values())} rejected. See {report.report}."
    )
    return 0


def _dataset_words(arguments: list[str]) -> int:
    from .datasets.options import WordsOptions

    options = _parse(WordsOptions, arguments, "gesticulate dataset words")
    from .datasets.words import write_words
    from .pipelines.console import BarProgress, remarks
    from .speech.words import Recogniser

    recognise = Recogniser(options.model, options.language, options.device)
    with BarProgress() as bars, remarks(bars.console.print):
        found = write_words(options.folder, options.output, recognise, bars.steps)
    count = sum(len(words) for words in found.values())
    print(f"{options.output}: {count} words in {len(found)} clips.")
    return 0


def _convert_animation(arguments: list[str]) -> int:
    from .animation.options import ConvertOptions

    options = _parse(ConvertOptions, arguments, "gesticulate convert animation")
    from .animation.loading import convert

    print(f"{convert(options.folder, options.out)}: the diffusion renderer's weights.")
    return 0


def _retrieve(arguments: list[str]) -> int:
    from .motion.options import RetrieveOptions

    options = _parse(RetrieveOptions, arguments, "gesticulate retrieve")
    from .datasets.library import motions
    from .motion.checkpoint import load_alignment
    from .motion.retrieval import as_json, as_text, rank
    from .pipelines import registry
    from .speech.load import load
    from .weights import locate

    alignment = load_alignment(locate(options.weights))
    encoder = registry.build("speech_encoders", alignment.options.speech_encoder)
    speech = encoder.encode(load(options.speech), 25.0)
    library = motions(options.library, options.split)
    matches = rank(alignment, speech, library, options.part)[: options.top]
    print(as_json(matches) if options.json else as_text(matches))
    return 0


def _train_alignment(arguments: list[str]) -> int:
    from .training.options import AlignmentTraining

    options = _parse_over_preset(AlignmentTraining, arguments, "gesticulate train alignment")
    from .training.alignment import train_alignment

    train_alignment(options)
    return 0


def _train_tokenizer(arguments: list[str]) -> int:
    from .training.options import TokenizerTraining

    options = _parse_over_preset(TokenizerTraining, arguments, "gesticulate train tokenizer")
    from .training.tokenizer import train_tokenizer

    train_tokenizer(options)
    return 0


def _train_generator(arguments: list[str]) -> int:
    from .training.options import GeneratorTraining

    options = _parse_over_preset(GeneratorTraining, arguments, "gesticulate train generator")
    from .training.generator import train_generator

    train_generator(options)
    return 0


def _train_skeleton_diffusion(arguments: list[str]) -> int:
    from .training.diffusion_options import SkeletonDiffusionTraining

    prog = "gesticulate train skeleton-diffusion"
    options = _parse_over_preset(SkeletonDiffusionTraining, arguments, prog)
    from .training.skeleton_diffusion import train_skeleton_diffusion

    train_skeleton_diffusion(options)
    return 0


def _train_dialogue(arguments: list[str]) -> int:
    from .training.diffusion_options import DialogueTraining

    options = _parse_over_preset(DialogueTraining, arguments, "gesticulate train dialogue")
    from .training.dialogue import train_dialogue

    train_dialogue(options)
    return 0


def _train_fine_gesture(arguments: list[str]) -> int:
    from .training.diffusion_options import FineGestureTraining

    options = _parse_over_preset(FineGestureTraining, arguments, "gesticulate train fine-gesture")
    from .training.fine_gesture import train_fine_gesture

    train_fine_gesture(options)
    return 0


def _train_renderer(arguments: list[str]) -> int:
    from .training.options import RendererTraining

    options = _parse_over_preset(RendererTraining, arguments, "gesticulate train renderer")
    from .training.renderer import train_renderer

    train_renderer(options)
    return 0


def _train_animation(arguments: list[str]) -> int:
    from .training.options import AnimationTraining

    options = _parse_over_preset(AnimationTraining, arguments, "gesticulate train animation")
    from .training.animation import train_animation

    train_animation(options)
    return 0


def _train_autoencoder(arguments: list[str]) -> int:
    from .training.options import AutoencoderTraining

    options = _parse_over_preset(AutoencoderTraining, arguments, "gesticulate train autoencoder")
    from .training.motion_autoencoder import train_autoencoder

    train_autoencoder(options)
    return 0


def _evaluate(arguments: list[str]) -> int:
    from .evaluation.options import EvaluateOptions

    options = _parse(EvaluateOptions, arguments, "gesticulate evaluate")
    from .evaluation.evaluate import evaluate

    print(evaluate(options, lambda name: print(f"measuring {name}", file=sys.stderr)))
    print(f"See {options.out} for the table, the numbers and the plots.")
    return 0


def _parse_over_preset(cls: Any, arguments: list[str], prog: str) -> Any:
    """Options from a preset (``--config NAME_OR_FILE``), single ones from the command line."""
    description = f"{cls.__doc__}\n\n--config NAME_OR_FILE takes all options from a preset."
    if "--config" not in arguments:
        return _parse(cls, arguments, prog, description)
    at = arguments.index("--config")
    if at + 1 == len(arguments):
        raise UsageError("--config needs the name of a preset or a YAML file.")
    from . import configs

    preset = configs.load(arguments[at + 1], cls)
    return _parse(cls, arguments[:at] + arguments[at + 2 :], prog, description, preset)


def _presets(arguments: list[str]) -> int:
    if arguments not in ([], ["list"]):
        if arguments in (["--help"], ["-h"]):
            print("gesticulate presets [list]: the presets that come along and what they are for.")
            return 0
        raise UsageError(f"`gesticulate presets` takes no {arguments[0]!r}. Expected `list`.")
    from . import configs

    for name in configs.names():
        print(f"{name:<16} {configs.summary(name)}")
    return 0


def _styles(arguments: list[str]) -> int:
    if arguments in (["--help"], ["-h"]):
        print("gesticulate styles: what --style can be called, and what it stands for.")
        return 0
    if arguments:
        raise UsageError(f"`gesticulate styles` takes no {arguments[0]!r}. Expected nothing.")
    from .motion.style import NAMED

    for name, style in NAMED.items():
        print(
            f"{name:<10} {style.rate:3.0f} strokes a minute, hands {style.amplitude:.2f} and head "
            f"{style.head:.3f} shoulder widths about their place"
        )
    return 0


_COMMANDS: dict[tuple[str, ...], Callable[[list[str]], int]] = {
    ("run",): _run,
    ("demo",): _demo,
    ("dialogue",): _dialogue,
    ("edit",): _edit,
    ("dataset", "build"): _dataset_build,
    ("dataset", "words"): _dataset_words,
    ("convert", "animation"): _convert_animation,
    ("retrieve",): _retrieve,
    ("train", "alignment"): _train_alignment,
    ("train", "tokenizer"): _train_tokenizer,
    ("train", "generator"): _train_generator,
    ("train", "skeleton-diffusion"): _train_skeleton_diffusion,
    ("train", "dialogue"): _train_dialogue,
    ("train", "fine-gesture"): _train_fine_gesture,
    ("train", "renderer"): _train_renderer,
    ("train", "animation"): _train_animation,
    ("train", "autoencoder"): _train_autoencoder,
    ("evaluate",): _evaluate,
    ("presets",): _presets,
    ("styles",): _styles,
}


def _exit_cleanly_when_terminated() -> None:
    """Let a SIGTERM unwind the stack, so that half-written files are removed."""
    import signal
    import threading

    if threading.current_thread() is threading.main_thread() and os.name == "posix":
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
