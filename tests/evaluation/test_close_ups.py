import numpy as np

from gesticulate.evaluation.close_ups import close_up, close_up_sheet, hand_square, mouth_square
from gesticulate.keypoints import layout


def pose():
    """Lips 20 wide about (50, 40); a left hand 30 high at the picture's lower edge."""
    points = np.zeros((layout.NUM_POINTS, 3), np.float32)
    face = points[layout.FACE]
    lips = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    face[layout.FACE_OUTER_LIPS] = np.stack(
        [50 + 10 * np.cos(lips), 40 + 5 * np.sin(lips), np.ones(12)], axis=1
    )
    hand = points[layout.LEFT_HAND]
    hand[:] = np.stack([np.full(21, 20), np.linspace(68, 98, 21), np.ones(21)], axis=1)
    return points


def test_squares_hold_mouth_and_hand_and_stay_in_the_picture():
    left, top, side = mouth_square(pose(), (100, 100))
    assert (left + side / 2, top + side / 2) == (50, 40)
    assert side == 44
    left, top, side = hand_square(pose(), (100, 100))
    assert side == 48
    assert left == 0
    assert top + side == 100


def test_what_is_not_seen_is_grey():
    points = pose()
    points[layout.LEFT_HAND, 2] = 0
    assert hand_square(points, (100, 100)) is None
    picture = np.zeros((100, 100, 3), np.uint8)
    assert (close_up(picture, None, 32) == 128).all()


def test_a_close_up_is_the_piece_enlarged():
    picture = np.zeros((100, 100, 3), np.uint8)
    picture[20:30, 40:50] = 200
    piece = close_up(picture, (40, 20, 20), 40)
    assert piece.shape == (40, 40, 3)
    assert (piece[:18, :18] > 190).all()
    assert (piece[24:] < 10).all()


def test_a_sheet_has_a_row_for_each_renderer():
    frames = [np.full((100, 100, 3), value, np.uint8) for value in (10, 200)]
    poses = np.stack([pose(), pose()])
    sheet = close_up_sheet({"real": frames, "other": frames[::-1]}, poses, ["0", "1"], cell=64)
    # 6 cells in 2 rows, each with a margin of 4 and a label of 16.
    assert sheet.shape == (2 * (64 + 20) + 4, 6 * 68 + 4, 3)
    assert (sheet[10:60, 10:60] == 10).all()
    assert (sheet[94:144, 214:264] == 10).all()
