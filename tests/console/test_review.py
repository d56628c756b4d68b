"""Access reviews, as a person makes and reads them."""

import json
import pathlib
import subprocess

from playwright.sync_api import expect

from conftest import PICTURES, barriers, opened, picture, with_console
from sidecar import PROGRAM, PROJECT


def made(page, form, since=None):
    """The file that a review of acme is kept as."""
    page.goto("/console/review")
    page.get_by_label("Of this organisation").fill("acme")
    page.get_by_label("Format").select_option(form)
    if since:
        page.get_by_label("Since this earlier review").set_input_files(since)
    with page.expect_download() as download:
        page.get_by_role("button", name="Make the review").click()
    assert download.value.suggested_filename == f"review.{form}"
    return pathlib.Path(download.value.path())


def test_a_review_says_what_has_changed_since_an_earlier_one(browser):
    started = with_console("--import", PROJECT / "examples/quickstart/tenancy.ndjson")
    for page in opened(browser, started):
        kept = started.files / "before.json"
        kept.write_bytes(made(page, "json").read_bytes())
        hostile = "<img src=x onerror=\"document.title='bad'\">"
        people = [
            dict(type="USER", id=hostile, email="b@acme.example", emailVerified=True, superadmin=False),
            dict(type="MEMBERSHIP", userId=hostile, organisationId="acme", memberRole="orgadmin"),
        ]
        file = started.files / "people.ndjson"
        file.write_text("".join(json.dumps(one) + "\n" for one in people))
        tenancy = f"sqlite:{started.files}/tenancy.db"
        subprocess.run([PROGRAM, "import", "--tenancy", tenancy, file], check=True, capture_output=True)
        text = made(page, "html", since=kept).read_text()
        read(browser, text)
    refused(browser, started, kept)
    started.stop()


def refused(browser, started, kept):
    """What is no review is said in the page, and what was written there stays."""
    kept.write_text("<script>document.title = 'bad'</script>")
    context = browser.new_context(base_url=started.url, locale="de-DE", viewport={"width": 360, "height": 740})
    page = context.new_page()
    page.goto("/console/review")
    page.get_by_label("Dieser Organisation").fill("acme")
    page.get_by_label("Seit dieser früheren Prüfung").set_input_files(kept)
    page.get_by_role("button", name="Prüfung erstellen").click()
    expect(page.get_by_role("alert")).to_contain_text("it is no review")
    expect(page.get_by_label("Dieser Organisation")).to_have_value("acme")
    assert page.title() != "bad"
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    picture(page, "review-refused")
    context.close()


def read(browser, text):
    """Looks at the page of a review, on screen and on paper."""
    for scheme in ["light", "dark"]:
        context = browser.new_context(color_scheme=scheme, viewport={"width": 1360, "height": 900})
        page = context.new_page()
        page.set_content(text)
        expect(page.get_by_role("heading", name="Wider since then")).to_be_visible()
        # Whatever somebody is called is text.
        expect(page.locator("code", has_text="<img src=x").first).to_be_visible()
        assert page.locator("img").count() == 0
        assert barriers(page) == []
        picture(page, f"review-html-{scheme}")
        if PICTURES and scheme == "light":
            page.pdf(path=f"{PICTURES}/review.pdf", prefer_css_page_size=True)
        context.close()
