"""Runs the README's commands as they are written, and compares the answers.

A comment before a fenced block says what it is: `ci: background` is started and
ended with this script, `ci: run` has to succeed, and `ci: answer` is JSON that
the output of the block before has to hold, member by member.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request

BLOCK = re.compile(r"<!-- ci: (\w+) -->\n```\w*\n(.*?)```", re.S)


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


def main():
    text = open("README.md", encoding="utf-8").read()
    blocks = BLOCK.findall(text)
    server, output, count = None, "", 0
    try:
        for kind, body in blocks:
            if kind == "background":
                server = subprocess.Popen(["sh", "-ec", body], start_new_session=True)
                wait_until_ready(server)
            elif kind == "run":
                print(f"$ {body.strip()}", flush=True)
                done = subprocess.run(["sh", "-ec", body], stdout=subprocess.PIPE, text=True)
                output = done.stdout
                print(output, flush=True)
                if done.returncode != 0:
                    sys.exit(f"it ended with {done.returncode}")
                count += 1
            elif kind == "answer":
                if not holds(json.loads(output), json.loads(body)):
                    sys.exit(f"the README says\n{body}")
            else:
                sys.exit(f"unknown mark `{kind}`")
    finally:
        if server is not None:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait()
    if server is None or count < 3:
        sys.exit("the README has lost its commands")
    print(f"{count} blocks of the README hold")


main()
