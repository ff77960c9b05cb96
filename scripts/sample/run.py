#!/usr/bin/env python3
"""Starts a server, releases the bundled sample project on it with the API that a team would use, and serves it.

usage: run.py PKGDEPLOY       PORT, PKGDEPLOY_SAMPLE_DATA and SAMPLE_JSON may be set

Logins are in a file of mode 0600 next to the data folder, because the data folder holds no secret in clear.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
ORGANISATION, PROJECT, APT, YUM, TAG = "acme", "noticeboard", "debian", "enterprise-linux", "v1.0.0"
START_LIMIT_SECONDS = 120
TRIGGER_WAIT_SECONDS = 30
RELEASE_LIMIT_SECONDS = 600
COLOURS = ("\033[1m", "\033[2m", "\033[32m", "\033[31m", "\033[0m")
BOLD, DIM, GREEN, RED, PLAIN = COLOURS if sys.stdout.isatty() else ("",) * len(COLOURS)


class Problem(Exception):
    """A problem that the user can solve."""


def say(text=""):
    print(text, flush=True)


class Server:
    """The server, as a child of this process."""

    def __init__(self, binary, data, port):
        self.url = f"http://127.0.0.1:{port}"
        self.log = data / "server.log"
        self.operator_token = None
        config = data / "sample.toml"
        config.write_text("# The project is a git repository on this machine.\n[source]\nallow_local = true\n")
        listen = ["--listen", f"127.0.0.1:{port}", "--public-url", self.url]
        command = [binary, "serve", "--data", data, "--config", config, *listen]
        with self.log.open("ab") as log:
            # In its own session: Ctrl-C reaches only this process, which then stops the server in order.
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True
            )
        threading.Thread(target=self.read_output, daemon=True).start()

    def read_output(self):
        for line in self.process.stdout:
            if line.startswith("operator token: "):
                self.operator_token = line.split(": ", 1)[1].strip()

    def wait_until_ready(self):
        until = time.monotonic() + START_LIMIT_SECONDS
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise Problem(f"the server stopped at once; its last words:\n{self.last_words()}")
            try:
                urllib.request.urlopen(f"{self.url}/readyz", timeout=2).close()
                return
            except OSError:
                time.sleep(0.1)
        raise Problem(f"the server is not ready after {START_LIMIT_SECONDS} s; its last words:\n{self.last_words()}")

    def last_words(self):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()


def call(url, token, body, headers=()):
    """Sends JSON with POST and returns JSON."""
    head = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", **dict(headers)}
    request = urllib.request.Request(url, json.dumps(body).encode(), head)
    try:
        with urllib.request.urlopen(request, timeout=TRIGGER_WAIT_SECONDS + 30) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise Problem(f"{url} answered {error.code}: {error.read().decode(errors='replace')}") from None


def graphql(server, token, text, *strings):
    """Returns the data of a GraphQL document. Each `%s` in it is replaced by one of `strings`, as a JSON string."""
    answer = call(f"{server.url}/graphql", token, {"query": text % tuple(json.dumps(one) for one in strings)})
    if answer.get("errors"):
        raise Problem("; ".join(error["message"] for error in answer["errors"]))
    return answer["data"]


def write_privately(path, content):
    """Writes the whole file or nothing, readable only by this user."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(content, file, indent=2)
        file.write("\n")
    new.replace(path)


def set_up(server, token, source):
    """Creates an organisation with the sample project and a repository of each format, as an operator would."""
    graphql(server, token, "mutation { createOrganisation(name: %s) { __typename } }", ORGANISATION)
    made = graphql(
        server, token,
        "mutation { createProject(organisation: %s, name: %s, source: %s) { project { id } apiToken } }",
        ORGANISATION, PROJECT, source,
    )["createProject"]
    logins = {
        "url": server.url, "operator_token": token, "organisation": ORGANISATION,
        "project": made["project"]["id"], "api_token": made["apiToken"],
    }
    for kind, name, form in (("apt", APT, "DEB"), ("yum", YUM, "RPM")):
        made = graphql(
            server, token,
            "mutation { createRepository(organisation: %s, name: %s, format: " + form + ") "
            "{ repository { url codename } accessKey { id secret } installCommand } }",
            ORGANISATION, name,
        )["createRepository"]
        logins[kind] = {
            "url": made["repository"]["url"], "key_id": made["accessKey"]["id"],
            "key_secret": made["accessKey"]["secret"], "install": made["installCommand"],
        }
        if kind == "apt":
            logins[kind]["codename"] = made["repository"]["codename"]
    return logins


RELEASE = "{ id tag state step steps { step at detail } logUrl failure { step code message } packages { fileName } }"


def find_release(server, logins):
    """The sample's release as the dashboard shows it, or None if it was not started yet."""
    found = graphql(
        server, logins["operator_token"],
        "{ releases(organisation: %s, project: %s, first: 20) " + RELEASE + " }", ORGANISATION, PROJECT,
    )["releases"]
    return next((one for one in found if one["tag"] == TAG), None)


def trigger(server, logins, answer):
    """Starts the release as a CI system would, and puts the response into `answer`."""
    url = f"{server.url}/api/v1/projects/{logins['project']}/releases?wait={TRIGGER_WAIT_SECONDS}"
    try:
        answer.update(call(url, logins["api_token"], {"tag": TAG}))
    except (Problem, OSError) as problem:
        answer["problem"] = str(problem)


def release(server, logins):
    """Makes the release, unless an earlier run did, and prints each step."""
    began, answer, printed = time.monotonic(), {}, set()
    last = find_release(server, logins)
    asked = last is None or last["state"] not in ("RUNNING", "UPLOADED")
    waiting = threading.Thread(target=trigger, args=(server, logins, answer), daemon=True)
    if asked:
        last = None
        waiting.start()
    while True:
        ended = not waiting.is_alive()
        if "problem" in answer:
            raise Problem(answer["problem"])
        last = find_release(server, logins)
        for step in (last or {}).get("steps", []):
            key = (last["id"], step["step"], step.get("detail"))
            if key not in printed:
                printed.add(key)
                words = step["step"].replace("_", " ").capitalize()
                detail = f"  {DIM}{step['detail']}{PLAIN}" if step.get("detail") else ""
                when = f"{time.monotonic() - began:5.1f} s" if asked else "before "
                say(f"  {DIM}{when}{PLAIN}  {words}{detail}")
        if ended and last is not None and last["state"] != "RUNNING":
            break
        if time.monotonic() - began > RELEASE_LIMIT_SECONDS:
            raise Problem(f"the release does not end: {last}")
        time.sleep(0.1)
    if last["state"] != "UPLOADED":
        failure = last.get("failure") or {}
        raise Problem(
            f"the release ended as {last['state']} at {failure.get('step')}: {failure.get('message')}"
            f" ({failure.get('code')}; its log: {last.get('logUrl')})"
        )
    for package in last["packages"]:
        say(f"  {GREEN}installable{PLAIN}  {package['fileName']}")


def tell(server, logins, data, logins_file):
    def block(title, *lines):
        say(f"\n{BOLD}{title}{PLAIN}")
        for line in lines:
            say(f"  {line}")

    block("Dashboard", server.url + "/", f"first login, operator token: {logins['operator_token']}")
    block("On Debian and Ubuntu", logins["apt"]["install"], "apt-get update && apt-get install noticeboard")
    block("On Fedora and Enterprise Linux", logins["yum"]["install"], "dnf install noticeboard")
    block(
        "The next release",
        f"curl -X POST '{server.url}/api/v1/projects/{logins['project']}/releases?wait=60' \\",
        f"  -H 'Authorization: Bearer {logins['api_token']}' -H 'Content-Type: application/json' \\",
        "  -d '{\"tag\": \"v1.1.0\"}'",
    )
    block("Files", f"{data} (to start again, remove it)", f"{logins_file} (the logins above)", f"{server.log}")
    say(f"\n{BOLD}Serving on {server.url} until Ctrl-C.{PLAIN}")


def free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False


def run(binary):
    port_text = os.environ.get("PORT") or "8080"
    if not port_text.isdigit() or not 0 < int(port_text) < 65536:
        raise Problem(f"PORT={port_text} is no port: expected 1 to 65535")
    port = int(port_text)
    if not free(port):
        raise Problem(f"port {port} is in use by another program; choose another one, such as: make sample PORT=8099")

    data = Path(os.environ.get("PKGDEPLOY_SAMPLE_DATA") or "sample-data").resolve()
    logins_file = data.with_name(f".{data.name}.logins.json")
    if not (data / "log.sqlite").exists():
        logins_file.unlink(missing_ok=True)
        shutil.rmtree(data / "noticeboard", ignore_errors=True)
    data.mkdir(parents=True, exist_ok=True)
    data.chmod(0o700)
    source = data / "noticeboard"
    subprocess.run([HERE / "repository.sh", source], check=True)

    json_file = Path(os.environ["SAMPLE_JSON"]) if os.environ.get("SAMPLE_JSON") else None
    if json_file:
        # A program that waits for the file must get the one of this run.
        json_file.unlink(missing_ok=True)

    logins = None
    if logins_file.exists():
        before = json.loads(logins_file.read_text())
        # The port may differ from the previous run's.
        logins = json.loads(json.dumps(before).replace(before["url"], f"http://127.0.0.1:{port}"))
    if logins is None and (data / "log.sqlite").exists():
        raise Problem(
            f"{data} was set up before, but its logins in {logins_file} are gone or were never written;"
            f" remove {data} to start again"
        )

    server = Server(binary, data, port)
    try:
        server.wait_until_ready()
        say(f"\n{BOLD}pkgdeploy is up{PLAIN} at {server.url}")
        if logins is None:
            if server.operator_token is None:
                raise Problem("the server printed no operator token on its first start")
            logins = set_up(server, server.operator_token, str(source))
            write_privately(logins_file, logins)
        say(f"\n{BOLD}Releasing {PROJECT} {TAG}{PLAIN}")
        release(server, logins)
        if json_file:
            write_privately(json_file, logins)
        tell(server, logins, data, logins_file)
        server.process.wait()
        raise Problem(f"the server stopped; its last words:\n{server.last_words()}")
    finally:
        server.stop()


def main():
    def interrupted(*_):
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupted)
    try:
        run(sys.argv[1])
    except KeyboardInterrupt:
        say("\nStopped. `make sample` goes on where this ended.")
    except (Problem, OSError, subprocess.CalledProcessError) as problem:
        sys.exit(f"{RED}make sample: {problem}{PLAIN}")


if __name__ == "__main__":
    main()
