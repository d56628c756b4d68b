"""The console as a person uses it."""

import json
import statistics

import pytest
from playwright.sync_api import expect

from conftest import assert_open_to_all, opened, picture, with_console

DENIED = (
    "/console/ask?action=requestModeChange&principal-type=Peppol::User&principal=anna"
    "&resource-type=Peppol::Organisation&resource=acme&context.requestedMode=SHARED&ask=1"
)
NEAR = (
    "/console/ask?action=getOrganisation&principal-type=Peppol::User&principal=mia"
    "&resource-type=Peppol::Organisation&resource=acme&ask=1"
)
PAGES = {
    "ask": "/console/ask",
    "denied": DENIED,
    "near": NEAR,
    "rights": "/console/rights?resource-type=Peppol::Organisation&resource=acme",
    "rights-of": "/console/rights?principal-type=Peppol::User&principal=anna",
    "policies": "/console/policies?q=mode",
    "decisions": "/console/decisions",
    "review": "/console/review",
    "state": "/console/state",
    "sign-in": "/console/sign-in",
}


def test_a_question_is_asked_by_the_form(page):
    page.goto("/console")
    page.get_by_label("Action").select_option("requestModeChange")
    # Its context has fields as soon as it is chosen.
    expect(page.get_by_label("requestedMode")).to_be_visible()
    page.locator("#principal").press_sequentially("an")
    option = page.locator("#principal-ids option[value=anna]")
    expect(option).to_be_attached()
    page.locator("#principal").fill("anna")
    page.locator("#resource").fill("acme")
    page.get_by_label("requestedMode").select_option("SHARED")
    page.get_by_role("button", name="Ask").click()
    expect(page.get_by_role("heading", name="Denied")).to_be_visible()
    expect(page.get_by_text("the organisation has no contact of type BUSINESS").first).to_be_visible()
    # The words that read a value, and the value beside them.
    expect(page.locator("pre.cedar mark").first).to_be_visible()
    expect(page.locator("pre.cedar .value").first).to_contain_text("=")
    page.get_by_role("link", name="Link").click()
    expect(page.get_by_role("heading", name="Denied")).to_be_visible()


def test_a_denial_says_what_is_missing_and_what_would_be_then(page):
    page.goto(NEAR)
    tried = page.get_by_text("Try it with this change").first
    tried.click()
    expect(page.get_by_text("Then:").first).to_be_visible()
    picture(page, "tried")


def test_a_denial_by_a_forbid_says_what_would_have_to_be_otherwise(page):
    page.goto(
        "/console/ask?action=uploadCertificate&principal-type=Peppol::User&principal=anna"
        "&resource-type=Peppol::Organisation&resource=acme&ask=1"
    )
    expect(page.get_by_role("heading", name="The smallest change against that")).to_be_visible()
    tried = page.locator("details.try", has_text="SHARED").first
    tried.locator("summary").click()
    expect(tried.locator("p.then.allow")).to_contain_text("Allow")


def test_it_works_by_keyboard(page):
    page.goto("/console/ask")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Action")).to_be_focused()
    for _ in range(2):
        page.keyboard.press("Tab")
    expect(page.locator("#principal")).to_be_focused()


def test_it_works_without_script(browser, sidecar):
    for page in opened(browser, sidecar, java_script_enabled=False):
        page.goto("/console/ask")
        page.get_by_label("Action").select_option("requestModeChange")
        page.get_by_role("button", name="Show its context").click()
        page.locator("#principal").fill("anna")
        page.locator("#resource").fill("acme")
        page.get_by_label("requestedMode").select_option("SHARED")
        page.get_by_role("button", name="Ask").click()
        expect(page.get_by_role("heading", name="Denied")).to_be_visible()


def test_a_cell_leads_to_its_explanation(page):
    page.goto(PAGES["rights"])
    row = page.locator("tr", has=page.locator("th", has_text="anna"))
    row.locator("td.yes a").first.click()
    expect(page.get_by_role("heading", name="Allowed")).to_be_visible()
    page.go_back()
    row.locator("td.no a").first.click()
    expect(page.get_by_role("heading", name="Denied")).to_be_visible()


def test_a_logged_decision_is_decided_again(page):
    page.goto(DENIED)
    page.goto("/console/decisions?code=AT-1120")
    link = page.get_by_role("link", name="Decide again").first
    for _ in range(50):
        if link.count():
            break
        page.wait_for_timeout(100)
        page.reload()
    link.click()
    expect(page.get_by_role("heading", name="Decided again: the same.")).to_be_visible()
    picture(page, "decided-again")


def test_the_language_is_switched_and_kept(page):
    page.goto(DENIED)
    page.get_by_role("link", name="Deutsch").click()
    expect(page.get_by_role("heading", name="Abgelehnt")).to_be_visible()
    page.goto("/console/state")
    expect(page.get_by_role("heading", name="Zustand")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_keeps_people_out(browser, sidecar, scheme):
    assert_open_to_all(browser, sidecar, PAGES, scheme)


def test_it_fits_a_phone(browser, sidecar):
    for page in opened(browser, sidecar, viewport={"width": 360, "height": 740}, has_touch=True):
        for name, target in PAGES.items():
            page.goto(target)
            picture(page, f"{name}-phone")
            width = page.evaluate("document.documentElement.scrollWidth")
            assert width <= 360, name


def test_hostile_ids_are_text(page):
    hostile = "<script>document.title='bad'</script><img src=x onerror=\"document.title='bad'\">" + "x" * 900
    page.goto("/console/ask?action=getOrganisation")
    page.locator("#principal").fill(hostile)
    page.locator("#resource").fill(hostile + "\u202e")
    page.get_by_role("button", name="Ask").click()
    expect(page.locator(".problem, .verdict").first).to_be_visible()
    assert page.title() != "bad"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.fixture(scope="module")
def crowd(tmp_path_factory):
    """A sidecar with an organisation of 10,000 members."""
    path = tmp_path_factory.mktemp("crowd") / "tenancy.ndjson"
    with path.open("w") as file:
        def write(**document):
            file.write(json.dumps(document) + "\n")
        write(
            type="ORGANISATION", id="crowd", legalIdentifierCode="SE_ORGNR", legalIdentifier="556123-4567",
            organisationMode="SHARED", modeChangeRequest=None, contacts=[{"contactType": "BUSINESS"}],
        )
        write(
            type="ORGANISATION", id="few", legalIdentifierCode="SE_ORGNR", legalIdentifier="556123-4568",
            organisationMode="SHARED", modeChangeRequest=None, contacts=[{"contactType": "BUSINESS"}],
        )
        for number in range(10_000):
            user = f"u-{number:05}"
            write(type="USER", id=user, email=f"{user}@crowd.example", emailVerified=True, superadmin=False)
            role = "orgadmin" if number % 10 == 0 else "orgmember"
            write(type="MEMBERSHIP", userId=user, organisationId="crowd", memberRole=role)
            if number < 50:
                write(type="MEMBERSHIP", userId=user, organisationId="few", memberRole=role)
    started = with_console("--import", path, PEPPOL_AUTHZ_EXPLAIN__ALLOW="all")
    yield started
    started.stop()


def first_paint(page, organisation):
    """The median of five, in milliseconds: what the browser measures from the request to the first paint."""
    paints = []
    for _ in range(5):
        page.goto(f"/console/rights?resource-type=Peppol::Organisation&resource={organisation}")
        expect(page.locator("tbody tr")).to_have_count(50)
        # It may be noted a little after the page is there.
        # Not `wait_for_function`, which the content security policy refuses where it has to wait.
        while not page.evaluate("performance.getEntriesByName('first-contentful-paint').length"):
            page.wait_for_timeout(20)
        paints.append(page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime"))
    return statistics.median(paints)


def test_a_matrix_of_ten_thousand_members_is_read_page_by_page(browser, crowd, capsys):
    for page in opened(browser, crowd):
        few, many = first_paint(page, "few"), first_paint(page, "crowd")
        # A figure, and no bound: another machine, or one that does other things, has another.
        with capsys.disabled():
            print(f"\nfirst paint: 10,000 members {many:.0f} ms, 50 members {few:.0f} ms, ratio {many / few:.2f}")
        picture(page, "crowd")
        last = page.locator("tbody th").last.inner_text()
        page.get_by_role("link", name="Next").click()
        expect(page.locator("tbody tr")).to_have_count(50)
        assert page.locator("tbody th").first.inner_text() > last
