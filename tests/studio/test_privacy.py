"""No one sees another's files, and none of the machine's: requests straight to a running studio."""

import json
import os
import threading
import time
import urllib.error
import urllib.request

import pytest

from gesticulate.studio.jobs import Device, Stopped
from gesticulate.studio.sessions import Sessions, new_secret, owner_of

_BOUND = "x7q"


class User:
    """Somebody with a cookie of their own, who sends what they like."""

    def __init__(self, address):
        self.address, self.cookie = address, ""
        self.cookie = self.ask("/")[2]["set-cookie"].partition(";")[0]

    def ask(self, path, body=None, kind="application/json"):
        request = urllib.request.Request(self.address + path, body)
        request.add_header("Cookie", self.cookie)
        if body is not None:
            request.add_header("Content-Type", kind)
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, answer.read(), answer.headers
        except urllib.error.HTTPError as error:
            return error.code, error.read(), error.headers

    def upload(self, content, name="photo.jpg"):
        head = (
            f'--{_BOUND}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'
        )
        body = head.encode() + content + f"\r\n--{_BOUND}--\r\n".encode()
        return self.ask("/gradio_api/upload", body, f"multipart/form-data; boundary={_BOUND}")

    def join(self, data, page="page"):
        body = {"data": data, "fn_index": 0, "session_hash": page, "trigger_id": None}
        return self.ask("/gradio_api/queue/join", json.dumps(body).encode())


@pytest.fixture
def anna(address):
    return User(address)


@pytest.fixture
def ben(address):
    return User(address)


def test_uploads_are_their_owners_alone(anna, ben, photo):
    status, answer, _ = anna.upload(photo.read_bytes())
    assert status == 200
    path = json.loads(answer)[0]
    assert anna.ask(f"/gradio_api/file={path}")[:2] == (200, photo.read_bytes())
    assert ben.ask(f"/gradio_api/file={path}")[0] == 403
    # Nor may another one's file be worked on.
    assert ben.join([{"path": path, "meta": {"_type": "gradio.FileData"}}], "bens")[0] == 403


@pytest.mark.parametrize(
    "path",
    ["/etc/passwd", "http://example.org/x.jpg", "../../etc/passwd", "file:///etc/passwd", "",
     "\0", "//example.org/x"],
)  # fmt: skip
def test_foreign_paths_are_refused(anna, path):
    assert anna.join([{"path": path}], "annas")[0] == 403
    assert anna.join([[{"video": {"path": path, "url": path}}]], "annas")[0] == 403
    assert anna.ask(f"/gradio_api/file={urllib.request.quote(path)}")[0] in (403, 404)


def test_an_open_page_is_its_first_users(anna, ben):
    assert anna.join([], "annas-own")[0] != 403
    assert ben.ask("/gradio_api/queue/data?session_hash=annas-own")[0] == 403
    assert ben.join([], "annas-own")[0] == 403


def test_too_much_is_refused(anna):
    assert anna.upload(bytes(2**20 + 1))[0] == 413
    assert anna.join(["x" * 3_000_000])[0] == 413
    assert anna.ask("/gradio_api/queue/join", b"[" * 100_000)[0] == 400
    assert anna.ask("/gradio_api/queue/join", b"no json")[0] == 400


def test_pages_of_other_names_are_refused(anna):
    """A name of the outside that is made to point at this machine."""
    request = urllib.request.Request(anna.address, headers={"Host": "attacker.example"})
    with pytest.raises(urllib.error.HTTPError, match="400"):
        urllib.request.urlopen(request)


def test_answers_forbid_the_page_to_ask_elsewhere(anna):
    policy = anna.ask("/")[2]["content-security-policy"]
    assert "connect-src 'self'" in policy
    assert "http" not in policy


def test_old_files_go_and_new_ones_stay(tmp_path):
    sessions, owner = Sessions(tmp_path), owner_of(new_secret())
    old, new = sessions.new_folder(owner), sessions.new_folder(owner)
    (old / "a.mp4").write_bytes(b"x")
    upload = sessions.uploads / "hash" / "photo.jpg"
    upload.parent.mkdir()
    upload.write_bytes(b"1234")
    sessions.claim(str(upload), owner)
    assert sessions.owns(upload, owner)
    assert sessions.owns(old / "a.mp4", owner)
    assert not sessions.owns(old / "a.mp4", owner_of(new_secret()))
    assert not sessions.owns(new / ".." / ".." / ".." / "uploads" / "other", owner)
    assert sessions.used(owner) == 4
    for folder in (old, upload.parent):
        os.utime(folder, (time.time() - 7200,) * 2)
    sessions.sweep(1.0)
    assert not old.exists()
    assert not upload.exists()
    assert new.exists()
    assert sessions.used(owner) == 0


def test_messages_name_files_and_not_folders(tmp_path):
    sessions = Sessions(tmp_path)
    text = f"{sessions.uploads}/0a1b/speech.wav holds 0.2 s of sound."
    assert sessions.plain(text) == "speech.wav holds 0.2 s of sound."


def test_one_job_at_a_time_and_each_can_be_stopped():
    device, begun, seen = Device(), threading.Event(), []

    def work(page):
        try:
            with device.job(page, "make") as job:
                seen.append(page)
                begun.set()
                while True:
                    job.check()
                    time.sleep(0.01)
        except Stopped:
            seen.append(f"{page} stopped")

    threads = [threading.Thread(target=work, args=("one",))]
    threads[0].start()
    assert begun.wait(10)
    threads.append(threading.Thread(target=work, args=("two",)))
    threads[1].start()
    while ("two", "make") not in device._jobs:
        time.sleep(0.01)
    assert device.stop("two", "make")  # while it waits
    assert not device.stop("three", "make")
    assert seen == ["one", "two stopped"]
    assert device.stop("one", "make")
    for thread in threads:
        thread.join(10)
    assert seen == ["one", "two stopped", "one stopped"]
