"""A page in headless Chromium, driven over a pipe by the DevTools protocol: no package is needed for it."""

import base64
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "chrome")
FOUND = next(filter(None, map(shutil.which, NAMES)), None)

FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run")
FLAGS += ("--host-resolver-rules=MAP * ~NOTFOUND", "--remote-debugging-pipe")
# Chromium reads commands from descriptor 3 and answers on 4.
READY = """new Promise(done => {
  const look = () => document.body?.dataset.ready ? done(1) : setTimeout(look, 20);
  look();
})"""
START = 'exec "$0" "$@" 3<&"$IN" 4>&"$OUT"'


class Page:
    """One page that is open until the block ends."""

    def __init__(self, path: Path, folder: Path, size: tuple[int, int] = (1300, 1000)) -> None:
        self.path, self.folder, self.size = path, folder, size
        self.errors: list[str] = []
        self._n, self._session = 0, {}

    def __enter__(self) -> "Page":
        (read_in, self._to), (read_out, write_out) = os.pipe(), os.pipe()
        self._from = os.fdopen(read_out, "rb")
        words = ["bash", "-c", START, FOUND, *FLAGS, f"--user-data-dir={self.folder}"]
        words.append("--window-size={},{}".format(*self.size))
        self._process = subprocess.Popen(
            [*words, "about:blank"],
            env=os.environ | {"IN": str(read_in), "OUT": str(write_out)},
            pass_fds=(read_in, write_out),
            stderr=subprocess.DEVNULL,
        )
        os.close(read_in)
        os.close(write_out)
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        attached = self._call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = {"sessionId": attached["sessionId"]}
        for domain in ("Page", "Runtime", "Log"):
            self._call(f"{domain}.enable")
        self.go()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._to)
        self._from.close()

    def _call(self, method: str, **params: Any) -> dict[str, Any]:
        self._n += 1
        message = {"id": self._n, "method": method, "params": params, **self._session}
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == self._n:
                assert "error" not in answer, answer
                return answer["result"]
            if answer.get("method") == "Runtime.exceptionThrown":
                self.errors.append(json.dumps(answer["params"]["exceptionDetails"])[:500])
            elif answer.get("method") == "Log.entryAdded":
                self.errors.append(answer["params"]["entry"]["text"])

    def _receive(self) -> dict[str, Any]:
        content = bytearray()
        while (byte := self._from.read(1)) not in (b"\0", b""):
            content += byte
        assert content, "the browser is gone"
        return json.loads(content)

    def go(self, fragment: str = "") -> None:
        """Load the page anew, and wait until its script is done."""
        self._call("Page.navigate", url="about:blank")
        self._call("Page.navigate", url=f"{self.path.resolve().as_uri()}{fragment}")
        assert self.run(READY) == 1

    def run(self, expression: str) -> Any:
        """Evaluate an expression in the page; a promise is waited for."""
        answer = self._call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def screenshot(self, path: Path) -> None:
        """Save what is seen as PNG."""
        path.write_bytes(base64.b64decode(self._call("Page.captureScreenshot")["data"]))
