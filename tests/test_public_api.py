"""The public interface: what `from gesticulate import ...` gives, lazily, and its page."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

import gesticulate
from gesticulate import registry
from gesticulate.errors import UsageError

ROOT = Path(__file__).resolve().parents[1]


def test_the_tests_run_against_this_tree():
    """An installed copy would be tested in place of what was changed."""
    assert Path(gesticulate.__file__).resolve().parent == ROOT, (
        "The tests import another copy of gesticulate. Install this one: pip install -e '.[test]'"
    )


def test_importing_loads_nothing_heavy():
    heavy = "torch numpy cv2 mediapipe scipy librosa matplotlib skimage accelerate scenedetect"
    code = f"import sys, gesticulate; print(sorted(set({heavy.split()}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", gesticulate.__all__)
def test_every_name_is_there(name):
    assert getattr(gesticulate, name) is not None
    assert name in dir(gesticulate)


def test_names_are_typed_where_they_are_at_home():
    """The block for type checkers names what the lazy table names."""
    text = Path(gesticulate.__file__).read_text(encoding="utf-8")
    for name in gesticulate._HOMES:
        assert f"as {name}\n" in text or f"as {name}  # noqa" in text, name


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'GesturePipeline'"):
        _ = gesticulate.GesturePipeline


def test_the_page_of_the_interface_is_current():
    spec = importlib.util.spec_from_file_location("api", ROOT / "docs" / "api.py")
    api = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(api)
    assert api.PAGE.read_text(encoding="utf-8") == api.page(), "Run: python docs/api.py"


def test_components_are_the_constructors_keywords():
    pipeline = gesticulate.GestureVideoPipeline.from_preset("puppet")
    assert gesticulate.GestureVideoPipeline(**pipeline.components).components == pipeline.components
    said = repr(pipeline)
    assert said.startswith("GestureVideoPipeline(\n")
    for words in ("estimator='mediapipe'", "motion_generator='contextual' on cpu", "'puppet'"):
        assert words in said


def test_stages_move_to_a_device():
    pipeline = gesticulate.GestureVideoPipeline.from_preset("puppet")
    before = pipeline.motion_generator
    assert pipeline.to("meta") is pipeline
    assert pipeline.motion_generator is not before
    assert pipeline.motion_generator.device.type == "meta"
    pipeline.to("cpu")
    assert pipeline.motion_generator.device.type == "cpu"
    with pytest.raises(UsageError, match="'nowhere' is not here"):
        pipeline.to("nowhere")


def test_a_stage_of_ones_own_moves_by_its_own_method_or_stays():
    class Own:
        def __init__(self):
            self.device = "cpu"

        def to(self, device):
            self.device = device
            return self

    own, plain = Own(), object()
    assert registry.moved(own, "meta") is own
    assert own.device == "meta"
    assert registry.moved(plain, "meta") is plain
