"""Follows the links of the book, which is built already, and of the documents beside it: links.py BOOK

A page of the book leads to pages of the book alone, so that its links work here and there. What else is in the project it
names by its path, as `examples/nginx`: that has to be there as well.
"""

import html.parser
import os
import pathlib
import re
import sys
import urllib.parse

# What is not of the book.
DOCUMENTS = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "RELEASING.md", "CHANGELOG.md", "schema/README.md",
             "schema/additions/README.md", *map(str, pathlib.Path("examples").glob("*/README.md"))]
NAMED = re.compile(r"`((?:\.ci|benches|crates|deploy|docs|examples|fuzz|policies|schema|src|tests)/[\w.*/-]*)`")
INCLUDED = re.compile(r"\{\{#include ([^}:]+)")
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


class Page(html.parser.HTMLParser):
    """The ids and the links of one page."""

    def __init__(self, path):
        super().__init__()
        self.ids, self.links = set(), set()
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.ids |= {attributes.get("id"), attributes.get("name")}
        self.links |= {attributes.get("href"), attributes.get("src")} - {None, ""}


def faults_of_book(book):
    pages = {path: Page(path) for path in book.rglob("*.html") if path.name not in ("print.html", "404.html", "toc.html")}
    for path, page in sorted(pages.items()):
        for link in sorted(page.links):
            parts = urllib.parse.urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / urllib.parse.unquote(parts.path)).resolve() if parts.path else path.resolve()
            target = pathlib.Path(os.path.relpath(target))
            if not target.exists() or target.is_dir():
                yield f"{path}: there is no {link}"
            elif parts.fragment and target in pages and urllib.parse.unquote(parts.fragment) not in pages[target].ids:
                yield f"{path}: {link} has no such place"


def anchors(path):
    """The places of a document, as forges call them."""
    text = re.sub(r"^```.*?^```", "", path.read_text("utf-8"), flags=re.M | re.S)
    for included in INCLUDED.findall(text):
        yield from anchors(path.parent / included)
    for heading in re.findall(r"^#+ (.*)$", text, re.M):
        heading = LINK.sub(lambda found: found[0][1:found[0].index("]")], heading)
        yield re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def faults_of(path):
    text = path.read_text("utf-8")
    prose = re.sub(r"^ *```.*?^ *```", "", text, flags=re.M | re.S)
    for link in LINK.findall(prose):
        place, _, fragment = link.partition("#")
        if "://" in link or link.startswith("mailto:"):
            continue
        target = path.parent / place if place else path
        if not target.exists():
            yield f"{path}: there is no {link}"
        elif fragment and target.suffix == ".md" and fragment not in anchors(target):
            yield f"{path}: {link} has no such place"


def names_nothing(path):
    for name in NAMED.findall(path.read_text("utf-8")):
        if not list(pathlib.Path().glob(name.rstrip("/"))):
            yield f"{path}: there is no `{name}`"


def main():
    book = pathlib.Path(sys.argv[1])
    contents = pathlib.Path("docs/SUMMARY.md")
    pages = sorted(pathlib.Path("docs").rglob("*.md"))
    listed = {contents, *(contents.parent / link for link in LINK.findall(contents.read_text("utf-8")))}
    faults = [f"{contents} does not list {page}" for page in pages if page not in listed]
    faults += faults_of_book(book)
    for path in [*pages, *map(pathlib.Path, DOCUMENTS)]:
        faults += faults_of(path)
    # A changelog names files that were there.
    for path in [*pages, *map(pathlib.Path, set(DOCUMENTS) - {"CHANGELOG.md"})]:
        faults += names_nothing(path)
    print(*faults, sep="\n", end="\n" if faults else "", file=sys.stderr)
    sys.exit(1 if faults else 0)


main()
