#!/usr/bin/env python3
"""Starts a server and fills one repository with a pool of packages by its own upload API.

usage: prepare.py PKGDEPLOY FOLDER POOL deb|rpm
Leaves in FOLDER: data/, server.pid, server.log, packages.url, and add.curl, which holds the operator token.
"""

import concurrent.futures
import http.client
import json
import os
import subprocess
import sys
import threading
import time
import urllib.parse
from pathlib import Path

CONNECTIONS = 8
READY_LIMIT_SECONDS = 120
SIGNED_LIMIT_SECONDS = 600
# Publications have strictly increasing times in whole seconds, so those of a busy repository run ahead of the clock, at most
# by this many seconds; after that there is one per second. The benchmark measures an idle repository.
AHEAD_MAX_SECONDS = 5
# What the server prints at its first start before a token or an address.
SAID = ("operator token: ", "listening on ")


def start(binary, folder):
    """The server's address and operator token. The server keeps running after this program."""
    log = open(folder / "server.log", "wb")
    out = folder / "server.out"
    with out.open("wb") as stdout:
        server = subprocess.Popen(
            [binary, "serve", "--data", folder / "data", "--listen", "127.0.0.1:0"],
            stdin=subprocess.DEVNULL, stdout=stdout, stderr=log, start_new_session=True,
        )
    (folder / "server.pid").write_text(str(server.pid))
    until = time.monotonic() + READY_LIMIT_SECONDS
    while time.monotonic() < until and server.poll() is None:
        lines = out.read_text().splitlines()
        said = {key: line[len(key):].strip() for key in SAID for line in lines if line.startswith(key)}
        if len(said) == 2:
            return said["listening on "], said["operator token: "]
        time.sleep(0.02)
    raise SystemExit(f"the server did not start: {(folder / 'server.log').read_text(errors='replace')[-2000:]}")


class Api:
    """One connection per thread, kept open."""

    def __init__(self, address, token):
        self.host = urllib.parse.urlsplit(address).netloc
        self.head = {"Authorization": f"Bearer {token}"}
        self.own = threading.local()

    def call(self, method, path, body, kind="application/octet-stream"):
        if not hasattr(self.own, "connection"):
            self.own.connection = http.client.HTTPConnection(self.host, timeout=SIGNED_LIMIT_SECONDS)
        self.own.connection.request(method, path, body, {**self.head, "Content-Type": kind})
        answer = self.own.connection.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise SystemExit(f"{method} {path} answered {answer.status}: {text.decode(errors='replace')}")
        return text

    def graphql(self, document):
        answer = json.loads(self.call("POST", "/graphql", json.dumps({"query": document}), "application/json"))
        if answer.get("errors"):
            raise SystemExit(str(answer["errors"]))
        return answer["data"]


def main():
    binary, folder, pool, form = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4]
    address, token = start(binary, folder)
    api = Api(address, token)
    api.graphql('mutation { createOrganisation(name: "bench") { __typename } }')
    repository = f'organisation: "bench", name: "bench", format: {form.upper()}'
    api.graphql(f"mutation {{ createRepository({repository}) {{ repository {{ id }} }} }}")
    packages = "/api/v1/repositories/bench/bench/packages"
    files = sorted(file for file in pool.rglob("*") if file.is_file())

    def put(file, wait=0):
        api.call("PUT", f"{packages}/{urllib.parse.quote(file.name)}?wait={wait}", file.read_bytes())

    with concurrent.futures.ThreadPoolExecutor(CONNECTIONS) as threads:
        list(threads.map(put, files[:-1]))
    # The index that has the last package has all before it.
    for file in files[-1:]:
        # This thread's connection was idle while the others worked, so the server has closed it.
        api.own = threading.local()
        put(file, wait=60)
    time.sleep(AHEAD_MAX_SECONDS + 1)

    config = folder / "add.curl"
    with open(os.open(config, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        out.write(f'header = "Authorization: Bearer {token}"\nheader = "Expect:"\n')
        out.write('fail-with-body\nsilent\nshow-error\noutput = "/dev/null"\n')
    (folder / "packages.url").write_text(f"{address.rstrip('/')}{packages}")


if __name__ == "__main__":
    main()
