"""The learned renderer as a stage: the puppet before training, the photo where nothing moves."""

import numpy as np
import pytest
import torch
from drawn_person import draw_person
from stage_contracts import check_renderer
from tiny_renderer import TINY, randomise

from gesticulate import registry, weights
from gesticulate.errors import InputError, UsageError, WeightsError
from gesticulate.keypoints import layout
from gesticulate.keypoints.poses import Poses
from gesticulate.refinement.compose import Composer, border_fade, crop_paints, crop_pictures
from gesticulate.refinement.network import LEAN, RendererNetwork, save_renderer
from gesticulate.refinement.renderer import Drawing, LearnedRenderer
from gesticulate.registry import StageChoice
from gesticulate.warping.inpainting import SmoothFill
from gesticulate.warping.layers import prepare_photo
from gesticulate.warping.renderer import Puppet, PuppetRenderer
from gesticulate.warping.scene import PhotoCrop, Scene


def gesture(person, frames: int = 3) -> Poses:
    """The left arm is raised and the head shifts; the first frame is the photo's pose."""
    points = np.repeat(person.pose.points, frames, axis=0)
    arm = [layout.LEFT_ELBOW, layout.LEFT_WRIST, *range(91, 112)]
    centre = points[0, layout.LEFT_SHOULDER, :2]
    for frame in range(1, frames):
        angle = np.deg2rad(-14.0 * frame)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        points[frame, arm, :2] = (points[frame, arm, :2] - centre) @ turn.T + centre
        points[frame, layout.FACE, 0] += 1.5 * frame
    return Poses(points, person.pose.size)


@pytest.fixture(scope="module")
def person():
    return draw_person(200, 210)


@pytest.fixture(scope="module")
def trained():
    torch.manual_seed(0)
    return randomise(RendererNetwork(TINY))


@pytest.fixture(scope="module")
def puppet(person):
    return Puppet(
        prepare_photo(person.photo, person.pose.points[0], person.matte, inpainting=SmoothFill())
    )


def test_contract(person, trained):
    check_renderer(LearnedRenderer(network=trained, device="cpu"), person.photo, person.pose)


@pytest.mark.parametrize(
    ("size", "options"),
    [((256, 256), LEAN), ((320, 180), TINY), ((181, 333), TINY), ((430, 400), TINY)],
)
def test_untrained_it_draws_the_puppets_frames(size, options):
    person = draw_person(*size)
    poses = gesture(person)
    torch.manual_seed(0)
    renderer = LearnedRenderer(network=RendererNetwork(options), device="cpu")
    learned = renderer.prepare(person.photo, person.pose).render(poses)
    drawn = PuppetRenderer().prepare(person.photo, person.pose).render(poses)
    for one, two in zip(learned, drawn, strict=True):
        assert np.abs(one.astype(int) - two).max() <= 1


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("size", [(200, 210), (64, 60)])
def test_the_photo_stays_where_nothing_moves(size, trained, precision):
    person = draw_person(*size)
    renderer = LearnedRenderer(network=trained, device="cpu", precision=precision)
    poses = gesture(person)
    # Without the head only what lies right of the middle moves.
    poses.points[:, layout.FACE] = person.pose.points[:, layout.FACE]
    frames = list(renderer.prepare(person.photo, person.pose).render(poses))
    drawn = list(PuppetRenderer().prepare(person.photo, person.pose).render(poses))
    np.testing.assert_array_equal(frames[0], person.photo)
    assert np.abs(frames[2].astype(int) - drawn[2]).max() > 20, "these weights change nothing"
    third = person.photo.shape[1] // 3
    # In 64 pixels all is near to something that moves.
    rest = (np.s_[-8:], np.s_[:20]) if size[0] > 64 else ()
    for part in (np.s_[:, :third], *rest):
        np.testing.assert_array_equal(frames[2][part], person.photo[part])


def test_a_crop_of_the_networks_size_is_composed_as_the_networks_see_it(trained):
    """The steps at full resolution against the tensors' own formula."""
    person = draw_person(64, 64)
    scene = Scene(
        Puppet(
            prepare_photo(
                person.photo, person.pose.points[0], person.matte, inpainting=SmoothFill()
            )
        ),
        PhotoCrop(0, 0, 64, 64),
    )
    composer = Composer(person.photo, scene.crop)
    frame, inputs = scene.prior(gesture(person).points[2])
    with torch.inference_mode():
        rendering = trained.eval()(inputs)
        paint = crop_paints(rendering, inputs.gate, torch.from_numpy(composer.fade))[0]
    seen = (255 * rendering.frame[0]).permute(1, 2, 0).numpy()
    assert composer.same
    made = composer.enlarge(frame.copy(), paint)
    assert np.abs(seen - frame).max() > 20
    # Roundings between the steps, and a remap that knows 32 places between two pixels.
    assert np.abs(made - seen).max() < 6
    assert np.abs(made - seen).mean() < 0.6
    placed = composer.place(frame.copy(), crop_pictures(rendering)[0])
    assert np.abs(placed - seen).max() <= 0.51


def test_a_larger_photo_keeps_its_detail(person, trained):
    """Twice the size gives the same picture, not a blurred one."""
    large = draw_person(400, 420)
    renderer = LearnedRenderer(network=trained, device="cpu")
    frame = list(renderer.prepare(large.photo, large.pose).render(gesture(large)))[2]
    drawn = list(PuppetRenderer().prepare(large.photo, large.pose).render(gesture(large)))[2]

    def detail(picture):
        grey = picture.astype(np.float32).mean(-1)
        return np.abs(np.diff(grey, axis=1)).mean()

    assert detail(frame) > 0.8 * detail(drawn)


def test_where_the_crop_ends_in_the_photo_the_networks_fade_out():
    fade = border_fade(PhotoCrop(10, 0, 100, 64), (200, 100))
    assert fade.shape == (64, 64)
    assert not fade[:, 0].any()
    assert not fade[:, -1].any()
    assert (fade[:, 20:40] == 1).all()
    assert (border_fade(PhotoCrop(-5, 0, 100, 64), (90, 100)) == 1).all()


def test_a_crop_that_reaches_out_of_the_photo(trained, person, puppet):
    scene = Scene(puppet, PhotoCrop(-40, 30, 290, 64))
    network = trained.for_inference(torch.device("cpu"), torch.float32)
    frame = Drawing(scene, network).frame(gesture(person).points[2])
    assert frame.shape == person.photo.shape
    np.testing.assert_array_equal(frame[:30], puppet.frame(gesture(person).points[2])[:30])


def test_batches_give_the_same_frames(person, trained, puppet):
    """The way of an accelerator, walked on the CPU."""
    network = trained.for_inference(torch.device("cpu"), torch.float32)
    drawing = Drawing(Scene(puppet, PhotoCrop(0, 0, 210, 64)), network)
    points = gesture(person, 20).points
    batched = list(drawing.in_batches(points, workers=2))
    assert len(batched) == 20
    for number in (0, 1, 15, 16, 19):
        one = drawing.frame(points[number]).astype(int)
        assert np.abs(one - batched[number]).max() <= 1


def test_frames_do_not_depend_on_threads_and_torch_keeps_its_own(person, trained):
    before = torch.get_num_threads()
    poses = gesture(person, 6)
    made = [
        list(renderer.prepare(person.photo, person.pose).render(poses))
        for renderer in (LearnedRenderer(network=trained, device="cpu", workers=n) for n in (1, 3))
    ]
    assert torch.get_num_threads() == before
    for one, two in zip(*made, strict=True):
        assert np.abs(one.astype(int) - two).max() <= 1


def test_a_network_that_was_handed_in_is_left_as_it_was(trained):
    dtype = trained.refiner.enter.weight.dtype
    LearnedRenderer(network=trained.train(), device="cpu", precision="bfloat16")
    assert trained.training
    assert trained.refiner.enter.weight.dtype == dtype


def test_weights_from_a_file_and_the_device_by_the_registry(person, trained, tmp_path):
    path = tmp_path / "mine.safetensors"
    save_renderer(path, trained)
    choice = StageChoice("learned", {"weights": str(path), "precision": "float32"})
    renderer = registry.build("renderers", choice, device="cpu")
    assert renderer.device == torch.device("cpu")
    frame = list(renderer.prepare(person.photo, person.pose).render(gesture(person)))[2]
    assert frame.shape == person.photo.shape
    with pytest.raises(WeightsError, match=r"Expected a renderer \.safetensors"):
        LearnedRenderer(str(tmp_path / "missing.safetensors"))


def test_weights_that_are_not_shipped_say_how_to_train_them():
    if weights.available("renderer-full"):
        pytest.skip("the full weights are on this machine")
    with pytest.raises(WeightsError, match="gesticulate train renderer --config"):
        LearnedRenderer("renderer-full")


def test_what_cannot_be_rendered_is_refused(person, trained):
    with pytest.raises(UsageError, match="'half'"):
        LearnedRenderer(network=trained, precision="half")
    renderer = LearnedRenderer(network=trained, device="cpu")
    points = person.pose.points.copy()
    points[:, layout.FACE, 2] = 0
    with pytest.raises(InputError, match="no face"):
        renderer.prepare(person.photo, Poses(points, person.pose.size))
    with pytest.raises(InputError, match="float64"):
        renderer.prepare(person.photo / 255, person.pose)
