"""The page "Edit" as people use it, in a real browser."""

import pytest

from gesticulate.pipelines.edit.edits import Edit, load_edits
from gesticulate.video.read import VideoReader


@pytest.fixture(scope="module")
def video(photo, speech, tmp_path_factory):
    """2 s of the person in the photo, drawn as a puppet."""
    from gesticulate.pipelines.gesture_video import GestureVideoPipeline

    path = tmp_path_factory.mktemp("video") / "talk.mp4"
    GestureVideoPipeline.from_preset("puppet", device="cpu")(photo, speech, path, size=128)
    return path


def blocks(page):
    found = page.driver.find_elements("css selector", ".gt-block[tabindex='0']")
    return [block.get_attribute("aria-label") for block in found]


def drag(page, lane, start, stop, down=0):
    """Draw on a lane with the mouse. start, stop: shares of its width. down: pixels."""
    from selenium.webdriver.common.action_chains import ActionChains

    element = page.driver.find_elements("css selector", ".gt-lane")[lane]
    page.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
    width = element.size["width"]
    way = ActionChains(page.driver, duration=50)
    way.move_to_element_with_offset(element, round((start - 0.5) * width), 0).click_and_hold()
    way.move_by_offset(round((stop - start) * width / 2), down)
    way.move_by_offset(round((stop - start) * width / 2), 0).release().perform()


def times(label):
    """(from, to) of a span's label."""
    words = label.partition(": ")[2].split()
    return float(words[0]), float(words[2])


@pytest.fixture
def page(open_page, video):
    opened = open_page()
    opened.driver.execute_script(
        "[...document.querySelectorAll('#studio-tabs button[role=tab]')]"
        ".find((tab) => tab.innerText === 'Edit').click()"
    )
    opened.until(lambda: opened.find("#edit-video input[type=file]"))
    opened.put("#edit-video", video)
    opened.until(lambda: opened.find(".gt-tracks").is_displayed())
    return opened


def test_spans_are_drawn_moved_trimmed_deleted_and_brought_back(page):
    from selenium.webdriver.common.keys import Keys

    drag(page, 2, 0.1, 0.4, down=38)
    (label,) = page.until(lambda: blocks(page))
    assert times(label) == pytest.approx((0.2, 0.8), abs=0.05)
    assert label.endswith("head and face")
    drag(page, 2, 0.25, 0.5)  # moved by a quarter
    assert times(blocks(page)[0]) == pytest.approx((0.7, 1.3), abs=0.05)
    edge = times(blocks(page)[0])[1] / 2 - 0.003
    drag(page, 2, edge, edge + 0.15)
    assert times(blocks(page)[0]) == pytest.approx((0.7, 1.6), abs=0.06)
    drag(page, 0, 0.5, 0.5)  # a click on another lane within it
    assert blocks(page)[0].endswith("hands and head and face")
    chosen = page.find(".gt-block[tabindex='0']")
    chosen.send_keys(Keys.ARROW_RIGHT)
    assert times(blocks(page)[0]) == pytest.approx((0.74, 1.64), abs=0.06)
    page.find(".gt-block[tabindex='0']").send_keys(Keys.DELETE)
    assert blocks(page) == []
    for _ in range(2):
        page.find(".gt-tracks").send_keys(Keys.CONTROL + "z")
    assert times(blocks(page)[0]) == pytest.approx((0.7, 1.6), abs=0.06)
    box = page.find(".gt-table input[data-end='from']")
    box.send_keys(Keys.CONTROL + "a")
    box.send_keys("0.4", Keys.TAB)
    assert times(blocks(page)[0]) == pytest.approx((0.4, 1.6), abs=0.06)


def test_takes_are_made_chosen_and_put_together(page, tmp_path):
    drag(page, 2, 0.05, 0.4)
    drag(page, 2, 0.5, 0.9, down=38)
    assert len(blocks(page)) == 2
    page.click("#edit-go")
    page.says("#edit-status", "Takes: 2, spans: 2", 900)
    takes = {"edited-1.mp4", "edited-2.mp4", "edited.png", "edits.yaml"}
    assert set(page.downloads("#edit-files")) == takes
    videos = page.driver.find_elements("css selector", ".gk-take video")
    assert len(videos) == 3
    # Played together, all are at one time.
    page.click(".gk-play")
    now = "return [...document.querySelectorAll('.gk-take video')].map((one) => one.currentTime)"
    page.until(lambda: min(page.driver.execute_script(now)) > 0.2)
    page.click(".gk-play")
    at = page.driver.execute_script(now)
    assert max(at) - min(at) < 0.3
    # The second span as in the second take, the first as in the first.
    page.driver.execute_script(
        "document.querySelectorAll('.gk-choice')[1].querySelectorAll('input')[2].click()"
    )
    page.click("#edit-finish")
    files = page.downloads("#edit-parts")
    made = VideoReader(page.fetched(files["edited.mp4"], tmp_path / "edited.mp4"))
    assert len(list(made)) == 50
    edits = load_edits(page.fetched(files["edits.yaml"], tmp_path / "edits.yaml"))
    assert [(edit.parts, edit.seed) for edit in edits] == [(("head",), 0), (("head", "face"), 1)]
    assert all(isinstance(edit, Edit) and edit.photo is not None for edit in edits)
    page.click("#edit-more button")
    page.until(lambda: page.find("#edit-save"))
    page.click("#edit-save")
    assert set(page.downloads("#edit-saved")) == {"edits.yaml"}
    page.click("#edit-on")
    page.until(lambda: not blocks(page))
