"""Where things stand, held against `layout.json`.

Pictures of two machines differ by how each draws letters, so boxes are compared: their places and sizes in three widths, light and
dark, with one font and with data that changes with the console alone. `LAYOUT=keep .ci/console` keeps what is there now; look at
`PICTURES` then.
"""

import json
import os
import pathlib

import pytest

from conftest import opened
from test_work import DENIED, PAGES as WORK, SHUT, SUPPOSED

KEPT = pathlib.Path(__file__).with_name("layout.json")
WIDTHS = {"phone": 360, "tablet": 900, "desk": 1440}
PAGES = {
    "ask": "/console/ask",
    "denied": DENIED,
    "shut": SHUT,
    "supposed": SUPPOSED,
    "rights": "/console/rights?resource-type=Organisation&resource=open",
    "wide": WORK["small-wide"],
    "policies": "/console/policies",
    "draft": "/console/policies/draft",
    "review": "/console/review",
    "sign-in": "/console/sign-in",
}
# Debian's `fonts-dejavu-core`.
FONT = "\n* { font-family: 'DejaVu Sans' !important } code, pre, textarea, .value { font-family: 'DejaVu Sans Mono' !important }\n"
BOXES = """() => {
  const all = document.querySelectorAll('header.top, header.top > *, main > *, .split > *, .cards > *, .answer > *, .card > *');
  let above = 0;
  return [...all].map((it) => {
    const box = it.getBoundingClientRect();
    const gap = box.y - above;
    above = box.y;
    const name = [it.localName, ...it.classList].join('.');
    return [name, ...[box.x, box.width, box.height, gap].map(Math.round)];
  });
}"""
COLOURS = """() => Object.fromEntries(
  ['body', '.card', '.verdict', 'button.primary', 'pre', 'a.button'].flatMap((name) => {
    const it = document.querySelector(name);
    if (!it) return [];
    const style = getComputedStyle(it);
    return [[name, [style.color, style.backgroundColor, style.borderTopColor]]];
  }))"""


def seen(browser, small, scheme):
    """All boxes by page and width, and all colours by page."""
    boxes, colours = {}, {}
    for page in opened(browser, small, color_scheme=scheme):
        page.route("**/console.css*", lambda route: styled(route))
        for name, target in PAGES.items():
            for width, pixels in WIDTHS.items():
                page.set_viewport_size({"width": pixels, "height": 900})
                page.goto(target)
                boxes[f"{name} {width}"] = page.evaluate(BOXES)
            colours[name] = page.evaluate(COLOURS)
    return boxes, colours


def styled(route):
    answer = route.fetch()
    route.fulfill(response=answer, body=answer.text() + FONT)


def differs(kept, now):
    """How a box differs from the kept one, beyond what another version of the browser may do."""
    (name, *sizes), (other, *others) = kept, now
    if name != other:
        return f"{name} is {other} now"
    # A line of text more or less is none of the layout's making.
    room = [6, 6, 24, 24]
    for what, before, after, most in zip(["x", "width", "height", "gap"], sizes, others, room):
        if abs(before - after) > most + abs(before) * 0.03:
            return f"{name}: {what} was {before} and is {after}"
    return None


def test_everything_stands_where_it_stood(browser, small):
    light, colours = seen(browser, small, "light")
    dark, colours_by_night = seen(browser, small, "dark")
    now = {"boxes": light, "colours": {"light": colours, "dark": colours_by_night}}
    # The two differ in colours alone.
    assert light == dark
    if os.environ.get("LAYOUT") == "keep":
        lines = [f"    {json.dumps(place)}: {json.dumps(boxes)}" for place, boxes in light.items()]
        text = ",\n".join(lines)
        shades = json.dumps(now["colours"])
        KEPT.write_text(f'{{\n  "boxes": {{\n{text}\n  }},\n  "colours": {shades}\n}}\n')
    kept = json.loads(KEPT.read_text())
    assert kept["colours"] == now["colours"]
    faults = []
    for place, boxes in light.items():
        before = kept["boxes"].get(place, [])
        if len(before) != len(boxes):
            faults.append(f"{place}: {len(before)} boxes, {len(boxes)} now")
        faults += [f"{place}: {fault}" for one, other in zip(before, boxes) if (fault := differs(one, other))]
    assert faults == []


@pytest.mark.parametrize("change, fault", [((0, 0, 0, 0), False), ((5, 0, 20, 0), False), ((40, 0, 0, 0), True), ((0, -60, 0, 0), True), ((0, 0, 90, 0), True)])
def test_a_box_that_moves_is_noticed(change, fault):
    kept = ["section.card", 22, 400, 300, 16]
    now = [kept[0], *[size + moved for size, moved in zip(kept[1:], change)]]
    assert (differs(kept, now) is not None) == fault
