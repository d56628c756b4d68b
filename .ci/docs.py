"""Runs the commands of the README and of docs/ as they are written, compares the answers, and follows the links.

A comment before a fenced block says what it is: `ci: background` is started and
ended with this script, `ci: run` has to succeed, and `ci: answer` is JSON that
the output of the block before has to hold, member by member. A block that names
$POSTGRES gets the URL of an empty database, of a server that ends with this script.
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

BLOCK = re.compile(r"<!-- ci: (\w+) -->\n```\w*\n(.*?)```", re.S)
LINK = re.compile(r"\]\(([^)#]+)\)")


def holds(found, wanted):
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(k in found and holds(found[k], v) for k, v in wanted.items())
    return found == wanted


def wait_until_ready(process):
    for _ in range(1200):
        if process.poll() is not None:
            sys.exit("the server ended before it was ready")
        try:
            with urllib.request.urlopen("http://127.0.0.1:8180/readyz", timeout=1):
                return
        except OSError:
            time.sleep(1)
    sys.exit("the server did not become ready")


def links(page):
    """Where the page leads to, beside itself. A link that leads nowhere is a fault."""
    found = []
    for link in LINK.findall(page.read_text("utf-8")):
        if "://" not in link:
            target = page.parent / link
            if not target.exists():
                sys.exit(f"{page}: there is no {link}")
            found.append(target)
    return found


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


def main():
    contents = pathlib.Path("docs/SUMMARY.md")
    pages = [pathlib.Path("README.md"), *links(contents)]
    unlisted = set(pathlib.Path("docs").glob("*.md")) - {contents, *pages}
    if unlisted:
        sys.exit(f"{contents} does not list {', '.join(map(str, unlisted))}")
    others = map(pathlib.Path, ["ARCHITECTURE.md", "CONTRIBUTING.md", "RELEASING.md", "schema/README.md"])
    for page in [*pages, *others]:
        links(page)
    # What one page makes, the next may use.
    blocks = [(page, *block) for page in pages for block in BLOCK.findall(page.read_text("utf-8"))]
    server, postgres, output, count = None, None, "", 0
    try:
        for page, kind, body in blocks:
            if kind == "background":
                server = subprocess.Popen(["sh", "-ec", body], start_new_session=True)
                wait_until_ready(server)
            elif kind == "run":
                print(f"$ {body.strip()}", flush=True)
                if "$POSTGRES" in body and postgres is None:
                    postgres = Postgres()
                    os.environ["POSTGRES"] = postgres.url
                done = subprocess.run(["sh", "-ec", body], stdout=subprocess.PIPE, text=True)
                output = done.stdout
                print(output, flush=True)
                if done.returncode != 0:
                    sys.exit(f"{page}: it ended with {done.returncode}")
                count += 1
            elif kind == "answer":
                if not holds(json.loads(output), json.loads(body)):
                    sys.exit(f"{page} says\n{body}")
            else:
                sys.exit(f"{page}: unknown mark `{kind}`")
    finally:
        if server is not None:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait()
        if postgres is not None:
            postgres.stop()
    if server is None or count < 3:
        sys.exit("the README has lost its commands")
    print(f"{count} blocks of {len(pages)} pages hold")


main()
