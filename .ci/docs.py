"""Runs the commands of the README and of docs/ as they are written, and compares the answers.

A comment before a fenced block says what it is:

- `ci: background` is started, and answers at port 8180 until its page ends. The one of the README is there for all pages
  that start none.
- `ci: run` has to succeed, or with a number behind it (`ci: run 2`) to end with that exit code. It begins in the directory
  that the block before it in the page has ended in.
- `ci: answer` is JSON that the output of the block before has to hold, member by member.
- `ci: output` is text that this output has to hold, line by line and in this order. `…` stands for anything, in a line
  or, alone in a line, for any number of lines.

Pages that are named as arguments are run alone, after the README. `peppol-authz` is the binary in `target/release`, or
the one that PEPPOL_AUTHZ names. A block that names $POSTGRES gets the URL of an empty database, of a server that ends with
this script.
"""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

BLOCK = re.compile(r"^ *<!-- ci: (\w+(?: \d+)?) -->\n( *)```\w*\n(.*?)^\2```", re.S | re.M)
LINK = re.compile(r"\]\(([^)#]+)\)")


def holds(found, wanted):
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(k in found and holds(found[k], v) for k, v in wanted.items())
    return found == wanted


def shows(found, wanted):
    """True if the lines of `wanted` follow each other in `found`."""
    pattern = r"^"
    for line in wanted.rstrip("\n").split("\n"):
        if line.strip() == "…":
            pattern += r"(?:.*\n)*?"
        else:
            pattern += ".*?".join(map(re.escape, line.rstrip().split("…"))) + r"[ \t]*\n"
    return re.search(pattern, found if found.endswith("\n") else found + "\n", re.M) is not None


def pages():
    """The pages, in the order of the book."""
    contents = pathlib.Path("docs/SUMMARY.md")
    return [contents.parent / link for link in LINK.findall(contents.read_text("utf-8"))]


def binary():
    """Puts the binary in the path of the commands."""
    built = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", "target"), "release", "peppol-authz")
    named = pathlib.Path(os.environ.get("PEPPOL_AUTHZ", built)).resolve()
    os.environ["PATH"] = f"{named.parent}{os.pathsep}{os.environ['PATH']}"
    # The settings of the commands are those of the pages.
    os.environ.pop("PEPPOL_AUTHZ", None)


class Background:
    """The program of a block that goes on while other blocks run."""

    def __init__(self, body, directory):
        self.body = body
        self._process = subprocess.Popen(["sh", "-ec", body], cwd=directory, start_new_session=True)
        for _ in range(12_000):
            if self._process.poll() is not None:
                sys.exit("the server ended before it was ready")
            try:
                with urllib.request.urlopen("http://127.0.0.1:8180/readyz", timeout=1):
                    return
            except OSError:
                time.sleep(0.1)
        sys.exit("the server did not become ready")

    def stop(self):
        os.killpg(self._process.pid, signal.SIGTERM)
        self._process.wait()


class Postgres:
    """A server at a socket in a directory that goes with it."""

    def __init__(self):
        self._directory = tempfile.TemporaryDirectory()
        place = self._directory.name
        # Debian keeps its programs out of the path. They refuse to run as root.
        self._own = []
        if os.getuid() == 0:
            shutil.chown(place, "postgres", "postgres")
            self._own = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        made = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
        self._run("initdb", "--pgdata", f"{place}/data", *made)
        settings = f"-c listen_addresses= -c unix_socket_directories={place} -c fsync=off"
        self._run("pg_ctl", "-D", f"{place}/data", "-l", f"{place}/log", "-w", "-t", "300", "-o", settings, "start")
        self.url = f"postgres://postgres@/postgres?host={place}"

    def _run(self, name, *arguments):
        found = sorted(pathlib.Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
        program = str(found[-1]) if found else name
        subprocess.run([*self._own, program, *arguments], cwd=self._directory.name, stdout=subprocess.DEVNULL, check=True)

    def stop(self):
        self._run("pg_ctl", "-D", f"{self._directory.name}/data", "-m", "immediate", "stop")
        self._directory.cleanup()


class Page:
    """The blocks of one page, which share a directory and what they print."""

    def __init__(self, path):
        self.path = path
        found = BLOCK.findall(path.read_text("utf-8"))
        self.blocks = [(kind, re.sub(f"^{indent}", "", body, flags=re.M)) for kind, indent, body in found]
        self.directory = pathlib.Path.cwd()
        self.output = ""

    def run(self, body, code):
        print(f"$ {body.strip()}", flush=True)
        began = time.monotonic()
        with tempfile.NamedTemporaryFile("r") as place:
            ended = f"trap 'pwd > {place.name}' EXIT\n"
            done = subprocess.run(
                ["sh", "-ec", ended + body], cwd=self.directory, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
            self.directory = pathlib.Path(place.read().strip() or self.directory)
        self.output = done.stdout
        print(f"{self.output}[{time.monotonic() - began:.1f} s]", flush=True)
        if done.returncode != code:
            sys.exit(f"{self.path}: it ended with {done.returncode}")

    def check(self, kind, body):
        held = holds(json.loads(self.output), json.loads(body)) if kind == "answer" else shows(self.output, body)
        if not held:
            sys.exit(f"{self.path} says\n{body}")


def main():
    binary()
    # The store of the quickstart goes with this script, but for one that was there: tests run in this directory too.
    store_is_new = not pathlib.Path("tenancy.db").exists()
    shared = None
    running, postgres, count = None, None, 0
    # What one page makes, the next may use.
    named = list(map(pathlib.Path, sys.argv[1:]))
    all_pages = [pathlib.Path("README.md"), *(named or pages())]
    try:
        for page in map(Page, all_pages):
            own = any(kind == "background" for kind, _ in page.blocks)
            if own and running is not None:
                running.stop()
                running = None
            if page.blocks and not own and running is None and shared is not None:
                running = Background(shared, page.directory)
            for kind, body in page.blocks:
                if kind == "background":
                    running = Background(body, page.directory)
                    shared = shared or body
                elif kind.split()[0] == "run":
                    if "$POSTGRES" in body and postgres is None:
                        postgres = Postgres()
                        os.environ["POSTGRES"] = postgres.url
                    page.run(body, int(kind.removeprefix("run") or 0))
                    count += 1
                elif kind in ("answer", "output"):
                    page.check(kind, body)
                else:
                    sys.exit(f"{page.path}: unknown mark `{kind}`")
            if running is not None and running.body != shared:
                running.stop()
                running = None
    finally:
        if running is not None:
            running.stop()
        if postgres is not None:
            postgres.stop()
        for part in pathlib.Path().glob("tenancy.db*") if store_is_new else ():
            part.unlink()
    if shared is None or count < 3:
        sys.exit("the README has lost its commands")
    print(f"{count} blocks of {len(all_pages)} pages hold")


main()
