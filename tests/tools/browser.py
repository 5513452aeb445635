"""A real Chromium, driven over chromedriver's HTTP (W3C WebDriver), without any library.

    with Browser("build/check/web") as page:
        page.go("http://127.0.0.1:8088/#TOKEN")
        page.keys("\ue004")
        page.run("return document.title")
"""

import base64
import json
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request

TAB, ENTER, ESCAPE, SPACE = "\ue004", "\ue007", "\ue00c", " "
START_SECONDS = 20


class BrowserError(Exception):
    """The browser said no; the text is for a person."""


class Browser:
    def __init__(self, folder, width=1180, height=1500, resolve=None):
        """resolve: names that it shall believe to stand for an address."""
        self.folder, self.size, self.resolve = os.path.abspath(folder), (width, height), resolve or {}
        self.driver = self.session = None

    def __enter__(self):
        profile = os.path.join(self.folder, "profile")
        shutil.rmtree(profile, ignore_errors=True)
        os.makedirs(profile)
        self._log = open(os.path.join(self.folder, "chromedriver.log"), "wb")
        self.driver = subprocess.Popen(["setpriv", "--pdeathsig", "TERM", "--", "chromedriver", "--port=0"], stdin=subprocess.DEVNULL,
                                       stdout=subprocess.PIPE, stderr=self._log, env={**os.environ, "HOME": profile, "TMPDIR": profile})
        try:
            self.base = f"http://127.0.0.1:{self._port()}"
            options = {"args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
                                "--force-device-scale-factor=1",
                                "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
                                "--disable-default-apps", f"--user-data-dir={profile}/data", f"--window-size={self.size[0]},{self.size[1]}",
                                "--host-resolver-rules=" + ",".join(f"MAP {name} {ip}" for name, ip in self.resolve.items())]}
            said = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": {
                "browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"performance": "ALL", "browser": "ALL"}}}})
            self.session = said["sessionId"]
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.session:
            try:
                self._ask("DELETE", f"/session/{self.session}")
            except BrowserError as e:
                print(f"# browser: {e}", flush=True)
        self.driver.terminate()
        self.driver.wait(10)
        self.driver.stdout.close()
        self._log.close()
        shutil.rmtree(os.path.join(self.folder, "profile"), ignore_errors=True)

    def _port(self):
        """Chromedriver takes a free port, and says which."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            line = self.driver.stdout.readline().decode()
            if "successfully on port" in line:
                return int(line.rstrip().rstrip(".").split()[-1])
            if not line:
                break
        raise BrowserError("chromedriver did not start")

    def _ask(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as e:
            said = json.load(e)["value"]
            raise BrowserError(f"{said['error']}: {said['message'].splitlines()[0]}") from e
        except OSError as e:
            raise BrowserError(str(e)) from e

    def do(self, method, path, body=None):
        return self._ask(method, f"/session/{self.session}{path}", body)

    def go(self, url):
        self.do("POST", "/url", {"url": url})

    def run(self, script, *arguments):
        return self.do("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def run_later(self, script, *arguments):
        """The script calls its last argument when it is done."""
        return self.do("POST", "/execute/async", {"script": script, "args": list(arguments)})

    def keys(self, *keys):
        """Typed as a person would, wherever the keyboard is."""
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self.do("POST", "/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})

    def devtools(self, command, **parameters):
        return self.do("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def dark(self, on):
        self.devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if on else "light"}])

    def wait(self, script, seconds=10):
        """What the script returns, once it is true."""
        deadline = time.monotonic() + seconds
        while True:
            got = self.run(script)
            if got or time.monotonic() > deadline:
                return got
            time.sleep(0.1)

    def picture(self, path):
        """The whole page, as a file."""
        size = self.devtools("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        shot = self.devtools("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)["data"]
        with open(path, "wb") as f:
            f.write(base64.b64decode(shot))

    def requests(self):
        """The addresses of all that this tab has asked for since the last call."""
        events = [json.loads(e["message"])["message"] for e in self.do("POST", "/se/log", {"type": "performance"})]
        return [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]

    def complaints(self):
        """What the console says is wrong, refused contents included."""
        return [e["message"] for e in self.do("POST", "/se/log", {"type": "browser"}) if e["level"] in ("WARNING", "SEVERE")]
