// Completion of ids, and the fields of an action as soon as it is chosen. All pages work without it.
"use strict";

(() => {
  const question = document.getElementById("question");
  question?.querySelector("[data-reload]")?.addEventListener("change", () => question.requestSubmit());

  for (const select of document.querySelectorAll("[data-submit]")) {
    select.addEventListener("change", () => select.form.requestSubmit());
  }

  // Another type has other ids.
  for (const select of document.querySelectorAll("select[data-kind-of]")) {
    const input = select.form.elements[select.dataset.kindOf];
    select.addEventListener("change", () => {
      input.dataset.complete = select.value;
      input.value = "";
      complete(input);
    });
  }

  async function complete(input) {
    const list = document.getElementById(input.getAttribute("list"));
    const target = new URL("/console/complete", location.href);
    target.searchParams.set("type", input.dataset.complete);
    target.searchParams.set("q", input.value);
    const asked = (input.asked = (input.asked ?? 0) + 1);
    const answer = await fetch(target, { headers: { accept: "application/json" } }).catch(() => null);
    // Only the newest answer counts.
    if (!answer?.ok || input.asked !== asked) return;
    const { ids } = await answer.json();
    list.replaceChildren(...ids.map((id) => Object.assign(document.createElement("option"), { value: id })));
  }

  // While an errand runs, its part of the page is looked at again.
  async function follow() {
    const place = document.getElementById("errand");
    if (!place?.querySelector("[data-running]")) return;
    const answer = await fetch(location.href, { headers: { accept: "text/html" } }).catch(() => null);
    if (answer?.ok) {
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const now = page.getElementById("errand");
      if (now) place.replaceChildren(...now.childNodes);
    }
    setTimeout(follow, 1000);
  }
  setTimeout(follow, 500);

  let waiting;
  for (const input of document.querySelectorAll("input[data-complete]")) {
    input.addEventListener("focus", () => complete(input), { once: true });
    input.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(() => complete(input), 120);
    });
  }
})();
