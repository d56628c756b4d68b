"""What the service fetches from the sidecar beside it: a plan that is too long for a header."""

import json
import urllib.error
import urllib.request

from request import Problem


class Sidecar:
    """The sidecar beside the service."""

    def __init__(self, url):
        self.url = url

    def plan(self, id):
        try:
            with urllib.request.urlopen(f"{self.url}/v1/plan/{id}", timeout=5) as answer:
                return json.load(answer)
        except (OSError, ValueError) as error:
            raise Problem(503, "this cannot be listed now") from error
