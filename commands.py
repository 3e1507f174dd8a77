"""The commands: what each is for, the options it takes, and what does it.

A row names modules by strings, so that nothing is imported before its command is chosen. Small jobs
are written out below; those that show progress live with their pipeline.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .errors import UsageError

if TYPE_CHECKING:
    from .animation.options import ConvertOptions
    from .configs.options import PresetsOptions
    from .datasets.faces import FacesOptions
    from .datasets.options import BuildOptions, WordsOptions
    from .evaluation.options import EvaluateOptions
    from .motion.options import RetrieveOptions, StylesOptions
    from .pipelines.check_options import CheckOptions
    from .pipelines.dialogue.options import DialogueOptions
    from .pipelines.edit.options import EditOptions
    from .pipelines.options import DemoOptions, RunOptions, Settings
    from .weights.options import WeightsOptions


@dataclass(frozen=True)
class Command:
    """A row of the table.

    summary: one line. options: "module:class" of its options. job: "module:function" that is called
    with them. from_preset: whether --config reads the options from a preset.
    """

    summary: str
    options: str
    job: str
    from_preset: bool = False


def _training(summary: str, options: str, job: str) -> Command:
    return Command(summary, f"training.{options}", f"training.{job}", from_preset=True)


COMMANDS: dict[tuple[str, ...], Command] = {
    ("run",): Command(
        "a video from a photo and a speech (`run` may be left out)",
        "pipelines.options:RunOptions",
        "commands:run",
    ),
    ("demo",): Command(
        "a video from a photo and a speech that come along",
        "pipelines.options:DemoOptions",
        "commands:demo",
    ),
    ("dialogue",): Command(
        "two people in conversation, from two photos and what both say",
        "pipelines.dialogue.options:DialogueOptions",
        "commands:dialogue",
    ),
    ("check",): Command(
        "what can move in a photo, what is held still, and why",
        "pipelines.check_options:CheckOptions",
        "commands:check",
    ),
    ("edit",): Command(
        "regenerate the gestures of a marked span of a video",
        "pipelines.edit.options:EditOptions",
        "commands:edit",
    ),
    ("studio",): Command(
        "a web page to make and edit videos by eye",
        "studio.options:StudioOptions",
        "studio.app:run",
    ),
    ("dataset", "build"): Command(
        "a training set from videos", "datasets.options:BuildOptions", "commands:dataset_build"
    ),
    ("dataset", "words"): Command(
        "the words of a training set, with their times",
        "datasets.options:WordsOptions",
        "commands:dataset_words",
    ),
    ("dataset", "faces"): Command(
        "close pictures of talking faces, to train the face's refiner",
        "datasets.faces:FacesOptions",
        "commands:dataset_faces",
    ),
    ("retrieve",): Command(
        "the clips of a library whose motion goes best with a speech",
        "motion.options:RetrieveOptions",
        "commands:retrieve",
    ),
    ("train", "alignment"): _training(
        "train the speech-gesture alignment",
        "options:AlignmentTraining",
        "alignment:train_alignment",
    ),
    ("train", "tokenizer"): _training(
        "train the motion tokenizers", "options:TokenizerTraining", "tokenizer:train_tokenizer"
    ),
    ("train", "generator"): _training(
        "train the motion generator", "options:GeneratorTraining", "generator:train_generator"
    ),
    ("train", "skeleton-diffusion"): _training(
        "train a motion generator by diffusion of skeletons",
        "diffusion_options:SkeletonDiffusionTraining",
        "skeleton_diffusion:train_skeleton_diffusion",
    ),
    ("train", "fine-gesture"): _training(
        "train FineGesture: diffusion of motion codes",
        "diffusion_options:FineGestureTraining",
        "fine_gesture:train_fine_gesture",
    ),
    ("train", "dialogue"): _training(
        "train the motion generator for two people in conversation",
        "diffusion_options:DialogueTraining",
        "dialogue:train_dialogue",
    ),
    ("train", "renderer"): _training(
        "train the learned renderer", "options:RendererTraining", "renderer:train_renderer"
    ),
    ("train", "face"): _training(
        "train the refiner of mouth and eyes", "face_options:FaceTraining", "face:train_face"
    ),
    ("train", "lips"): _training(
        "train what moves the lips to the speech", "options:LipTraining", "lips:train_lips"
    ),
    ("train", "animation"): _training(
        "train the diffusion renderer", "options:AnimationTraining", "animation:train_animation"
    ),
    ("train", "autoencoder"): _training(
        "train the motion autoencoder that FGD is measured in",
        "options:AutoencoderTraining",
        "motion_autoencoder:train_autoencoder",
    ),
    ("convert", "animation"): Command(
        "the diffusion renderer's public weights in one file",
        "animation.options:ConvertOptions",
        "commands:convert_animation",
    ),
    ("evaluate",): Command(
        "compare generated clips with real ones",
        "evaluation.options:EvaluateOptions",
        "commands:evaluate",
    ),
    ("presets",): Command(
        "the presets and what they are for", "configs.options:PresetsOptions", "commands:presets"
    ),
    ("weights", "list"): Command(
        "every weights file: size, licence, and whether it is here",
        "weights.options:WeightsOptions",
        "commands:weights_list",
    ),
    ("weights", "download"): Command(
        "fetch weights from the Hugging Face hub",
        "weights.options:WeightsOptions",
        "commands:weights_download",
    ),
    ("weights", "verify"): Command(
        "compare the weights on this machine with their checksums",
        "weights.options:WeightsOptions",
        "commands:weights_verify",
    ),
    ("styles",): Command(
        "the styles of gesturing, by name", "motion.options:StylesOptions", "commands:styles"
    ),
}


def run(options: RunOptions) -> None:
    """The main job."""
    _make_video(options.photo, options.speech, options.out, options.settings)


def demo(options: DemoOptions) -> None:
    """The main job on the embedded photo and speech."""
    from .examples import demo_photo, demo_speech

    _make_video(demo_photo(), demo_speech(), options.out, options.settings)


def _make_video(photo: Any, speech: Any, out: Any, settings: Settings) -> None:
    if settings.dry_run:
        from .pipelines.plan import plan

        planned = plan(photo, speech, out, settings)
        print(planned.json() if settings.json_progress else planned.text())
        return
    from .pipelines.console import show_run

    show_run(photo, speech, out, settings)


def dialogue(options: DialogueOptions) -> None:
    """Two people."""
    from .pipelines.dialogue.console import show_dialogue

    show_dialogue(options)


def check(options: CheckOptions) -> None:
    """A photo, before a video is made of it."""
    from .pipelines.check import show_check

    show_check(options)


def edit(options: EditOptions) -> None:
    """A span of a video."""
    from .pipelines.edit.console import show_edit

    show_edit(options)


def dataset_build(options: BuildOptions) -> None:
    """Videos to a training set."""
    from .datasets.build import build
    from .pipelines.console import BarProgress, remarks

    with BarProgress() as bars, remarks(bars.console.print):
        report = build(options, bars.steps)
    left_out = "".join(f"\n  {count} x {reason}" for reason, count in report.rejected.items())
    print(
        f"{report.folder}: {report.clips} clips, {report.minutes:.1f} minutes"
        + (f"; left out:{left_out}" if left_out else "; nothing was left out")
        + f"\nSee {report.report}."
    )


def dataset_words(options: WordsOptions) -> None:
    """The words of a training set."""
    from .datasets.words import write_words
    from .pipelines.console import BarProgress, remarks
    from .speech.words import Recogniser

    recognise = Recogniser(options.model, options.language, options.device)
    with BarProgress() as bars, remarks(bars.console.print):
        found = write_words(options.folder, options.output, recognise, bars.steps)
    count = sum(len(words) for words in found.values())
    print(f"{options.output}: {count} words in {len(found)} clips.")


def dataset_faces(options: FacesOptions) -> None:
    """Talking faces, cut out of videos."""
    from .datasets.faces import cut_faces

    print(f"{options.output}: {cut_faces(options)} clips of faces.")


def convert_animation(options: ConvertOptions) -> None:
    """One file of the public weights."""
    from .animation.loading import convert

    print(f"{convert(options.folder, options.out)}: the diffusion renderer's weights.")


def retrieve(options: RetrieveOptions) -> None:
    """A library's clips, ranked."""
    from . import registry
    from .datasets.library import motions
    from .motion.checkpoint import load_alignment
    from .motion.retrieval import as_json, as_text, rank
    from .speech.load import load
    from .weights import locate

    alignment = load_alignment(locate(options.weights))
    encoder = registry.build("speech_encoders", alignment.options.speech_encoder)
    speech = encoder.encode(load(options.speech), 25.0)
    library = motions(options.library, options.split)
    matches = rank(alignment, speech, library, options.part)[: options.top]
    print(as_json(matches) if options.json else as_text(matches))


def evaluate(options: EvaluateOptions) -> None:
    """Generated clips against real ones."""
    from .evaluation.evaluate import evaluate as measure

    print(measure(options, lambda name: print(f"measuring {name}", file=sys.stderr)))
    print(f"See {options.out} for the table, the numbers and the plots.")


def presets(options: PresetsOptions) -> None:
    """Names and purposes."""
    from . import configs

    names = configs.training_names() if options.train else configs.run_names()
    width = max(map(len, names)) + 2
    for name in names:
        print(f"{name:<{width}}{configs.summary(name)}")


def styles(options: StylesOptions) -> None:
    """What --style can be called."""
    from .motion.style import NAMED

    for name, style in NAMED.items():
        print(
            f"{name:<10} {style.rate:3.0f} strokes a minute, hands {style.amplitude:.2f} and head "
            f"{style.head:.3f} shoulder widths about their place"
        )


def weights_list(options: WeightsOptions) -> None:
    """A line each."""
    from . import weights

    for name in options.names or weights.names():
        print(weights.describe(name))


def weights_download(options: WeightsOptions) -> None:
    """Those named, fetched where they are not here."""
    from . import weights

    if not options.names:
        public = [name for name in weights.names() if weights.get(name).repository]
        raise UsageError(f"Which weights? Known on the hub: {', '.join(public)}.")
    for name in options.names:
        print(f"{name}: {weights.resolve(name)}")


def weights_verify(options: WeightsOptions) -> None:
    """Read again and compared; the first that is damaged is an error."""
    from . import weights

    for name in options.names or weights.names():
        place = weights.verify(name)
        print(f"{name}: {'not here' if place is None else f'whole, {place}'}")
