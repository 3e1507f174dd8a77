"""Contact sheets."""

import numpy as np
import pytest

from gesticulate.video.sheets import contact_sheet


def test_frames_lie_in_rows_unscaled() -> None:
    frames = [np.full((20, 30, 3), 10 * i, np.uint8) for i in range(5)]
    sheet = contact_sheet(frames, 3)
    assert sheet.shape == (2 * 24 + 4, 3 * 34 + 4, 3)
    for i in range(5):
        row, column = divmod(i, 3)
        cell = sheet[4 + row * 24 :, 4 + column * 34 :][:20, :30]
        assert (cell == 10 * i).all()
    assert (sheet[28:, 72:] == 255).all()


def test_labels_are_written_under_their_frames() -> None:
    frames = [np.zeros((20, 60, 3), np.uint8)] * 2
    sheet = contact_sheet(frames, 2, labels=["first", ""])
    assert sheet.shape == (20 + 16 + 8, 2 * 64 + 4, 3)
    assert sheet[24:40, 4:64].min() < 100
    assert sheet[24:40, 68:].min() == 255


def test_cells_keep_the_shape() -> None:
    frames = [np.zeros((100, 50, 3), np.uint8), np.zeros((50, 100, 3), np.uint8)]
    sheet = contact_sheet(frames, 2, cell=(40, 40))
    assert sheet.shape == (48, 92, 3)
    assert (sheet[4:44, 14:34] == 0).all()
    assert (sheet[14:34, 48:88] == 0).all()


def test_wrong_arguments() -> None:
    with pytest.raises(ValueError, match="needs frames"):
        contact_sheet([], 3)
    with pytest.raises(ValueError, match="as many labels"):
        contact_sheet([np.zeros((8, 8, 3), np.uint8)], 1, labels=["a", "b"])
