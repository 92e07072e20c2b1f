"""Downloads from a server on this machine that misbehaves."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from facealign.data.datasets import download
from facealign.errors import UserError

CONTENT = b"an archive" * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
# path -> status, body, and the length that the header promises
ANSWERS = {
    "/good": (200, CONTENT, len(CONTENT)),
    "/forbidden": (403, b"no", 2),
    "/missing": (404, b"", 0),
    "/accepted": (202, b"", 0),
    "/short": (200, CONTENT[:100], len(CONTENT)),
    "/other": (200, b"something else", 14),
}


asked = []


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        asked.append(self.path)
        status, body, length = ANSWERS[self.path]
        self.send_response(status)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")


def test_the_first_address_that_gives_the_file_is_taken(server, tmp_path):
    addresses = [server + path for path in ("/forbidden", "/accepted", "/short", "/good", "/other")]
    target = download.fetch(addresses, SHA256, tmp_path / "deep" / "file.tgz", "")
    assert target.read_bytes() == CONTENT
    assert files_in(target.parent) == [target]


def files_in(folder):
    """Without the lock of the download, which stays."""
    return [path for path in folder.iterdir() if path.suffix != ".lock"]


def test_two_that_want_the_same_file_download_it_once(server, tmp_path):
    before, found = len(asked), []
    addresses, target = [server + "/good"], tmp_path / "file.tgz"
    both = [
        threading.Thread(target=lambda: found.append(download.fetch(addresses, SHA256, target, "")))
        for _ in range(2)
    ]
    for each in both:
        each.start()
    for each in both:
        each.join()
    assert found == [target] * 2 and target.read_bytes() == CONTENT
    assert len(asked) == before + 1


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/forbidden", "403"),
        ("/missing", "404"),
        ("/accepted", "HTTP 202 without data"),
        ("/short", "cut short, 100 of 10000 bytes"),
        ("/other", "wrong checksum"),
    ],
)
def test_a_failure_says_why_and_what_to_do(server, tmp_path, path, reason):
    with pytest.raises(UserError, match=rf"file\.tgz.*{path}.*{reason}.*put it there") as caught:
        download.fetch([server + path], SHA256, tmp_path / "file.tgz", "put it there")
    assert "\n" not in str(caught.value)
    assert not files_in(tmp_path)


def test_no_network_is_a_failure_too(tmp_path):
    with pytest.raises(UserError, match="put it there"):
        download.fetch(["http://127.0.0.1:9/file"], SHA256, tmp_path / "file.tgz", "put it there")
