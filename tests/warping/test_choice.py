"""Which network looks at a photo."""

import pytest

from gesticulate.errors import UsageError
from gesticulate.warping.choice import chosen
from gesticulate.warping.inpainting import Inpainting, SmoothFill
from gesticulate.warping.matte import Matting
from gesticulate.warping.renderer import PuppetRenderer


def test_none_stands_for_the_one_that_comes_along():
    assert chosen(None, Matting) is None


def test_a_class_is_made_by_its_name():
    renderer = PuppetRenderer(inpainting="gesticulate.warping.inpainting:SmoothFill")
    assert isinstance(renderer.inpainting, SmoothFill)


def test_an_object_stays_itself():
    own = SmoothFill()
    assert chosen(own, Inpainting) is own


@pytest.mark.parametrize("name", ["no.such:Class", "gesticulate.warping.matte:Missing", "a b"])
def test_a_wrong_name_is_told(name):
    with pytest.raises(UsageError, match=r"Expected package\.module:Class"):
        chosen(name, Matting)


def test_a_class_of_another_kind_is_told():
    with pytest.raises(UsageError, match="is no Matting"):
        chosen("gesticulate.warping.inpainting:SmoothFill", Matting)
