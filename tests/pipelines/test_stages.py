"""Stages by name, by entry point, and the contracts of the small ones."""

import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from nod_generator import NodGenerator
from stage_contracts import check_motion_generator, check_renderer

from gesticulate import examples, registry
from gesticulate.errors import UsageError
from gesticulate.keypoints.person import to_motion
from gesticulate.motion.lip_model import EncoderWithLips
from gesticulate.pipelines.gesture_video import GestureVideoPipeline
from gesticulate.pipelines.portrait import prepare
from gesticulate.pipelines.skeleton import SkeletonRenderer
from gesticulate.registry import StageChoice
from gesticulate.speech.features import MelEncoder

EXAMPLES = Path(examples.__file__).parent


@pytest.fixture(scope="module")
def portrait(pipeline, photo):
    return prepare(photo, pipeline.estimator, 256, 25.0)


def test_the_skeleton_keeps_the_renderers_contract(portrait):
    check_renderer(SkeletonRenderer(), portrait.picture, portrait.pose)


def test_the_example_keeps_the_renderers_contract(portrait):
    spec = importlib.util.spec_from_file_location("own_renderer", EXAMPLES / "own_renderer.py")
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    check_renderer(example.OverlayRenderer(), portrait.picture, portrait.pose)


def test_the_nod_keeps_the_generators_contract(portrait):
    check_motion_generator(NodGenerator(), MelEncoder(), to_motion(portrait.pose))


def test_the_demos_speech_is_a_few_seconds_of_one_voice():
    import soundfile

    info = soundfile.info(examples.demo_speech())
    assert 5 < info.duration < 15
    assert info.channels == 1
    assert examples.demo_photo().shape == (512, 512, 3)


@dataclass(frozen=True)
class Strength:
    depth: float = 1.0
    steps: int = 2


class Configured:
    def __init__(self, strength: Strength | None = None, device: str = "auto") -> None:
        self.strength, self.device = strength, device


@pytest.fixture
def package(tmp_path, monkeypatch):
    """An installed package that adds two stages."""
    info = tmp_path / "added-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: added\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[gesticulate.motion_generators]\nnod = nod_generator:NodGenerator\n"
        "[gesticulate.renderers]\nconfigured = added_stages:Configured\n"
    )
    module = type(sys)("added_stages")
    module.Configured = Configured
    monkeypatch.setitem(sys.modules, "added_stages", module)
    monkeypatch.syspath_prepend(str(tmp_path))


def test_an_entry_point_adds_a_stage(package):
    assert "nod" in registry.names("motion_generators")
    generator = registry.build("motion_generators", StageChoice("nod", {"depth": 0.2}))
    assert generator.depth == 0.2


def test_options_and_device_reach_the_stage(package):
    choice = StageChoice("configured", {"strength": {"depth": 3}})
    stage = registry.build("renderers", choice, device="cpu")
    assert stage.strength == Strength(depth=3.0)
    assert stage.device == "cpu"


def test_unknown_names_and_options_are_named(package):
    with pytest.raises(UsageError, match=r"'pupet'.*'puppet'"):
        registry.build("renderers", "pupet")
    with pytest.raises(UsageError, match=r"'strenght'.*'strength'"):
        registry.build("renderers", StageChoice("configured", {"strenght": {}}))
    with pytest.raises(UsageError, match=r"'dept'.*'depth'"):
        registry.build("renderers", StageChoice("configured", {"strength": {"dept": 1}}))
    with pytest.raises(UsageError, match="'painter'"):
        GestureVideoPipeline.from_preset("offline", painter="puppet")


def test_a_stage_with_options_comes_from_a_file(package, tmp_path):
    file = tmp_path / "stage.yaml"
    file.write_text("name: configured\noptions: {strength: {depth: 3}}\n")
    assert registry.build("renderers", str(file)).strength == Strength(depth=3.0)


def test_an_option_that_a_stage_needs_is_named():
    with pytest.raises(UsageError, match="'mmpose' needs the option config and checkpoint"):
        registry.build("pose_estimators", "mmpose")


def test_every_stage_of_this_package_can_be_loaded():
    for group, stages in registry.BUILT_IN.items():
        for name in stages:
            assert callable(registry.factory(group, name))


def test_a_stage_is_replaced_by_argument(package, pipeline):
    stages = {"estimator": pipeline.estimator, "renderer": pipeline.renderer}
    mixed = GestureVideoPipeline.from_preset("offline", motion="nod", **stages)
    assert isinstance(mixed.motion_generator, NodGenerator)
    assert mixed.renderer is pipeline.renderer
    assert np.isclose(mixed.motion_generator.depth, 0.05)


def test_the_speech_encoder_is_the_generators_own(package, pipeline, tmp_path):
    stages = {"estimator": pipeline.estimator, "renderer": pipeline.renderer}
    preset = tmp_path / "mine.yaml"
    preset.write_text("estimator: {name: auto}\nmotion: {name: nod}\nrenderer: {name: skeleton}\n")
    built = GestureVideoPipeline.from_preset(preset, **stages).speech_encoder
    assert isinstance(built, EncoderWithLips)
    assert isinstance(built.encoder, MelEncoder)
    preset.write_text(preset.read_text() + "lips: null\n")
    assert isinstance(GestureVideoPipeline.from_preset(preset, **stages).speech_encoder, MelEncoder)

    class Other(NodGenerator):
        speech_encoder = "heard"

    # A generator that is handed over brings its own; one that is named otherwise is an error.
    with pytest.raises(UsageError, match="no stage 'heard' among the speech encoders"):
        GestureVideoPipeline.from_preset("offline", motion=Other(), **stages)
    with pytest.raises(UsageError, match=r"'nod' reads 'heard' features.* is 'mel'"):
        GestureVideoPipeline.from_preset("offline", motion=Other(), speech="mel", **stages)
