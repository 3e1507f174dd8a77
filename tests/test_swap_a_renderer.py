"""docs/swap-a-renderer.md, done as it says: its blocks are the files that it tells one to write."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest
from drawn_person import draw_person

from gesticulate import configs, registry
from gesticulate.errors import UsageError
from gesticulate.keypoints import layout
from gesticulate.keypoints.poses import Poses
from gesticulate.pipelines.preset import PipelinePreset
from gesticulate.registry import StageChoice

PAGE = Path(__file__).resolve().parents[1] / "docs" / "swap-a-renderer.md"


def blocks() -> dict[str, str]:
    """The page's files by name, as the first line of their block says it; the entry point is
    `entry`."""
    found = {}
    for language, text in re.findall(r"```(\w+)\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL):
        name = re.match(r"# (\S+\.(?:py|yaml))", text)
        found["entry" if language == "toml" else name[1] if name else language] = text
    return found


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """The page's package as pip would leave it: a module, and its entry point beside it."""
    files = blocks()
    for name in ("slide.py", "test_slide.py", "slide.yaml"):
        (tmp_path / name).write_text(files[name])
    info = tmp_path / "slide-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: slide\nVersion: 1.0\n")
    group = re.search(r'entry-points\."([\w.]+)"', files["entry"])[1]
    name, target = re.search(r'^(\w+) = "([\w:]+)"', files["entry"], re.MULTILINE).groups()
    (info / "entry_points.txt").write_text(f"[{group}]\n{name} = {target}\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in ("slide", "test_slide"):
        sys.modules.pop(name, None)


def test_the_preset_builds_the_renderer_by_its_name(installed):
    assert "slide" in registry.names("renderers")
    preset = configs.load(installed / "slide.yaml", PipelinePreset)
    renderer = registry.build("renderers", preset.renderer)
    assert (renderer.name, renderer.reach) == ("slide", 0.5)
    with pytest.raises(UsageError, match=r"'raech'.*'reach'"):
        registry.build("renderers", StageChoice("slide", {"raech": 1}))


def test_the_card_follows_the_nose(installed):
    person = draw_person(64, 96)
    points = np.repeat(person.pose.points, 2, axis=0)
    points[1, layout.NOSE, :2] += (4, 2)
    renderer = registry.build("renderers", "slide")
    still, moved = renderer.prepare(person.photo, person.pose).render(
        Poses(points, person.pose.size)
    )
    assert np.array_equal(still, person.photo)
    assert np.array_equal(moved[2:, 4:], person.photo[:-2, :-4])


def test_the_pages_own_test_passes(installed):
    import test_slide

    test_slide.test_contract()


def test_the_page_names_what_is_there():
    """Files, commands and functions that the page speaks of."""
    text = PAGE.read_text("utf-8")
    root = PAGE.parents[1]
    for name in re.findall(r"`(?:gesticulate/)?((?:[\w-]+/)+[\w.-]+\.py)`", text):
        assert (root / name).is_file(), name
    for name in re.findall(r"\]\(([\w-]+\.md)\)", text):
        assert (PAGE.parent / name).is_file(), name
    sources = "".join((root / "animation" / f).read_text() for f in ("wan.py", "wan_pictures.py"))
    named = [row.split("|")[3] for row in text.splitlines() if row.count("|") == 4]
    names = re.findall(r"`(\w+)`", "".join(named))
    assert len(names) >= 8
    for name in names:
        assert re.search(rf"\b{name}\b", sources), name
