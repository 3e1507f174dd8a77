"""A running studio, and a real Chromium that looks at it."""

import json
import shutil
import sys
import threading
import time
import urllib.request
from contextlib import contextmanager
from urllib.parse import unquote

import pytest

pytest.importorskip("gradio", reason="the extra `studio` is not installed")

from gesticulate.studio.app import serving
from gesticulate.studio.options import StudioOptions

TINY = 96
_LOCAL = ("127.0.0.1", "localhost", "::1", "0.0.0.0")


@contextmanager
def _watched():
    """Every address outside this machine that this process looks up or connects to."""
    found, watching = [], threading.Event()
    watching.set()

    def hook(event, arguments):
        if watching.is_set() and event in ("socket.connect", "socket.getaddrinfo"):
            address = arguments[1] if event == "socket.connect" else arguments
            host = address[0] if isinstance(address, tuple) else None
            if host is not None and str(host) not in _LOCAL:
                found.append(str(host))

    sys.addaudithook(hook)
    try:
        yield found
    finally:
        watching.clear()


@pytest.fixture(scope="session")
def asked_elsewhere():
    with _watched() as found:
        yield found


@pytest.fixture(scope="session")
def address(asked_elsewhere):
    """A studio that takes files of 1 MB and speech of 20 s."""
    options = StudioOptions(port=0, preset="puppet", device="cpu", max_upload=1, max_seconds=20)
    # The hub's client may have been imported long before; and other tests are not the studio's.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        patch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
        with serving(options) as url:
            yield url.rstrip("/")


class Page:
    """A page of the studio in a browser of its own."""

    def __init__(self, driver, address):
        self.driver = driver
        driver.get(address)
        self.until(lambda: self.find("#make-example"))
        time.sleep(1)

    def until(self, condition, seconds=300):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = condition()
            if found:
                return found
            time.sleep(0.1)
        body = self.driver.find_element("css selector", "body").text
        raise AssertionError(f"did not come about in {seconds} s; the page says:\n{body}")

    def find(self, selector):
        found = self.driver.find_elements("css selector", selector)
        return found[0] if found else None

    def text(self, selector):
        element = self.find(selector)
        return element.get_attribute("innerText") if element else ""

    def says(self, selector, words, seconds=300):
        return self.until(lambda: words in self.text(selector) and self.text(selector), seconds)

    def refused(self, words):
        """Wait for an error that says so."""
        self.until(lambda: words in self.text("[data-testid='toast-body'], .toast-wrap"))

    def click(self, selector):
        """Click as a keyboard does: nothing that happens to lie above catches it."""
        self.driver.execute_script("document.querySelector(arguments[0]).click()", selector)

    def put(self, selector, path):
        self.find(f"{selector} input[type=file]").send_keys(str(path))

    def fill(self, selector, value):
        box = self.find(f"{selector} input")
        self.driver.execute_script(
            "const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set;"
            "set.call(arguments[0], arguments[1]);"
            "arguments[0].dispatchEvent(new Event('input', {bubbles: true}));"
            "arguments[0].dispatchEvent(new Event('blur'));",
            box,
            str(value),
        )

    def downloads(self, selector):
        """The addresses of the files of a list, by their names; once there are any."""
        links = self.until(
            lambda: self.driver.find_elements("css selector", f"{selector} a[href*='/file=']")
        )
        found = [link.get_attribute("href") for link in links]
        return {unquote(href).rpartition("/")[2]: href for href in found}

    def fetched(self, address, path):
        """Download with the browser's own cookie."""
        cookies = "; ".join(f"{c['name']}={c['value']}" for c in self.driver.get_cookies())
        request = urllib.request.Request(address, headers={"Cookie": cookies})
        with urllib.request.urlopen(request) as answer:
            path.write_bytes(answer.read())
        return path

    def source(self, selector):
        """The address of a picture or video, once there is one."""
        return self.until(lambda: self.find(selector) and self.find(selector).get_attribute("src"))

    def hosts(self):
        """Whom the page asked for something."""
        found = set()
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                url = message["params"]["request"]["url"]
                if url.startswith(("http", "ws")):
                    found.add(url.split("/")[2])
        return found


@pytest.fixture
def open_page(address):
    """Opens pages, each in a browser that knows nothing of the others."""
    selenium = pytest.importorskip("selenium", reason="selenium is not installed")
    del selenium
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    chromedriver = shutil.which("chromedriver")
    if not (chromium and chromedriver):
        pytest.skip("no chromium and chromedriver on PATH")
    from selenium import webdriver
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service

    drivers = []

    def opened(width=1280, height=900):
        options = Options()
        options.binary_location = chromium
        for argument in (
            "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu",
            "--disable-background-networking", "--disable-component-update", "--no-first-run",
            f"--window-size={width},{height}", "--use-fake-device-for-media-stream",
        ):  # fmt: skip
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
        driver = webdriver.Chrome(options=options, service=Service(chromedriver))
        drivers.append(driver)
        return Page(driver, address)

    yield opened
    for driver in drivers:
        driver.quit()


@pytest.fixture(scope="session")
def photo(tmp_path_factory):
    from PIL import Image

    from gesticulate.examples import demo_photo

    path = tmp_path_factory.mktemp("photo") / "astronaut.jpg"
    Image.fromarray(demo_photo()).resize((256, 256)).save(path)
    return path


@pytest.fixture(scope="session")
def speech(tmp_path_factory):
    """2 s of talk."""
    import soundfile

    from gesticulate.examples import demo_speech

    waveform, rate = soundfile.read(demo_speech())
    path = tmp_path_factory.mktemp("speech") / "welcome.wav"
    soundfile.write(path, waveform[rate : 3 * rate], rate)
    return path
