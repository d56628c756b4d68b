"""The one question that the service asks itself: which documents may somebody view?"""

import json
import urllib.error
import urllib.request

from request import Problem

# More than that is another task: a page of a list is asked for with `limit` and `token`.
MOST = 10_000


class Sidecar:
    """The sidecar beside the service."""

    def __init__(self, url):
        self.url = url

    def search(self, question):
        request = urllib.request.Request(
            f"{self.url}/v1/search", json.dumps(question).encode(), {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return json.load(answer)
        except (OSError, ValueError) as error:
            raise Problem(503, "the documents cannot be listed now") from error

    def viewable_documents(self, subject):
        """The ids of all documents that `viewDocument` allows."""
        kind, id = subject
        question = {
            "principal": {"type": kind, "id": id},
            "action": 'Peppol::Action::"viewDocument"',
            "resource": {"type": "Peppol::Document"},
            "limit": 1_000,
        }
        found = []
        while True:
            page = self.search(question)
            found += (each["id"] for each in page["results"])
            if len(found) > MOST:
                raise Problem(500, f"there are more than {MOST} documents")
            if "nextToken" not in page:
                return found
            question["token"] = page["nextToken"]
