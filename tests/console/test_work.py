"""What takes long, what is supposed, what a shadow says, and what was loaded: as a person looks at it."""

import time

import pytest
from playwright.sync_api import expect

from conftest import assert_open_to_all, opened, picture

DENIED = "/console/ask?action=see&principal-type=User&principal=berta&resource-type=Organisation&resource=open&ask=1"
SEEN = "/console/ask?action=see&principal-type=User&principal=carl&resource-type=Organisation&resource=open&ask=1"
SHUT = "/console/ask?action=see&principal-type=User&principal=dora&resource-type=Organisation&resource=shut&ask=1"
SUPPOSED = DENIED + "&suppose=[{%22of%22:%22User::\\%22berta\\%22%22,%22attribute%22:%22age%22,%22value%22:18}]"
PAGES = {
    "small-denied": DENIED,
    "small-supposed": SUPPOSED,
    "small-shut": SHUT,
    "small-policies": "/console/policies",
    "small-suites": "/console/policies/suites",
    "small-proofs": "/console/policies/proofs",
    "small-shadow": "/console/decisions/shadow",
    "small-state": "/console/state",
    "small-checks": "/console/state/checks",
    "small-wide": "/console/rights?resource-type=Thing&resource=thing",
}


@pytest.fixture
def desk(browser, small):
    """A page over the small set."""
    yield from opened(browser, small)


def run(page, target, button):
    """Begins work by its button. Its results come by themselves."""
    page.goto(target)
    for _ in range(100):
        page.get_by_role("button", name=button).click()
        if page.get_by_role("heading", name="Something else runs").count() == 0:
            break
        page.get_by_role("link", name="Look again").click()
    return page.locator("#errand")


def test_suites_run_and_show_what_is_untested_beside_each_policy(desk):
    results = run(desk, PAGES["small-suites"], "Run the suites")
    expect(results).to_contain_text("1 / 3 policies are tested", timeout=60_000)
    expect(results.get_by_text("closed", exact=True)).to_be_visible()
    desk.get_by_role("link", name="Policies").last.click()
    policy = desk.locator("details", has_text="grown-sees")
    expect(policy.get_by_text("tested", exact=True)).to_be_visible()
    expect(desk.locator("details", has_text="The organisation is closed.").get_by_text("not tested")).to_be_visible()


def test_proofs_have_their_times(desk):
    results = run(desk, PAGES["small-proofs"], "Prove")
    expect(results).to_contain_text("2 / 2 proved", timeout=120_000)
    expect(results.get_by_role("row", name="grown-alone")).to_contain_text(" s")


def test_the_checks_of_doctor_are_made_by_keyboard(desk):
    desk.goto(PAGES["small-checks"])
    button = desk.get_by_role("button", name="Check")
    button.focus()
    desk.keyboard.press("Enter")
    expect(desk.locator("#errand")).to_contain_text("policies: valid, revision", timeout=60_000)


def test_results_come_without_script_too(browser, small):
    for page in opened(browser, small, java_script_enabled=False):
        results = run(page, PAGES["small-suites"], "Run the suites")
        end = time.monotonic() + 60
        while "policies are tested" not in results.inner_text() and time.monotonic() < end:
            page.get_by_role("link", name="Look again").click()
        expect(results).to_contain_text("1 / 3 policies are tested")


def test_a_change_of_the_store_is_tried(desk):
    desk.goto(DENIED)
    expect(desk.get_by_role("heading", name="Denied")).to_be_visible()
    desk.get_by_text("Try it with this change").first.click()
    desk.get_by_role("link", name="Ask as if the store had this change").first.click()
    expect(desk.get_by_role("heading", name="Allowed")).to_be_visible()
    expect(desk.get_by_role("heading", name="As if")).to_be_visible()
    expect(desk.locator(".answer")).to_contain_text("As it is: Denied")
    picture(desk, "supposed")
    desk.get_by_role("link", name="Ask as it is").click()
    expect(desk.get_by_role("heading", name="Denied")).to_be_visible()


def test_a_disagreement_of_the_shadow_is_explained_by_both(desk):
    desk.goto(SEEN)
    expect(desk.get_by_role("heading", name="Allowed")).to_be_visible()
    desk.goto("/console/decisions")
    desk.get_by_role("link", name="Disagreements of the shadow").click()
    link = desk.get_by_role("link", name="Decide again").first
    for _ in range(100):
        if link.count():
            break
        desk.wait_for_timeout(100)
        desk.reload()
    desk.get_by_label("Principal").fill("carl")
    desk.get_by_role("button", name="Filter").click()
    desk.get_by_role("link", name="Decide again").first.click()
    expect(desk.get_by_role("heading", name="Decided again, by the policies in force")).to_be_visible()
    expect(desk.get_by_role("heading", name="Decided again, by the policies of the shadow")).to_be_visible()
    expect(desk.get_by_text('User::"carl".age >= 21').first).to_be_visible()
    picture(desk, "disagreement")


def test_further_actions_are_on_further_pages(desk):
    desk.goto(PAGES["small-wide"])
    expect(desk.get_by_text("1–100 / 130")).to_be_visible()
    expect(desk.get_by_role("columnheader", name="do099")).to_be_attached()
    desk.get_by_role("link", name="Further actions").click()
    expect(desk.get_by_text("101–130 / 130")).to_be_visible()
    expect(desk.get_by_role("columnheader", name="do129")).to_be_attached()


def test_a_refused_load_is_in_the_history(desk, small):
    policies = small.files / "policies/p.cedar"
    good = policies.read_text()
    policies.write_text("permit (<script>")
    row = desk.locator("#history tr", has_text="refused")
    end = time.monotonic() + 60
    desk.goto("/console/state")
    while not row.count() and time.monotonic() < end:
        desk.wait_for_timeout(100)
        desk.reload()
    expect(row.first).to_contain_text("p.cedar")
    policies.write_text(good)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_keeps_people_out(browser, small, scheme):
    assert_open_to_all(browser, small, PAGES, scheme)


def test_it_fits_a_phone_and_speaks_german(browser, small):
    for page in opened(browser, small, viewport={"width": 360, "height": 740}, has_touch=True, locale="de-DE"):
        for name, target in PAGES.items():
            page.goto(target)
            picture(page, f"{name}-phone")
            assert page.evaluate("document.documentElement.scrollWidth") <= 360, name
            assert page.locator("html").get_attribute("lang") == "de"
