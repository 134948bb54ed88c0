// The view of calls that are over: a list with filters, or one record.

import { h } from "./dom.js";
import { date, duration, milliseconds, plain } from "./format.js";
import { chip, people } from "./parts.js";
import { recordPage } from "./record.js";

const OUTCOMES = ["", "completed", "transferred", "refused", "abandoned", "failed"];
const PAGE = 50;

export class RecentView {
  constructor(element, context) {
    this.element = element;
    this.context = context;
    this.close = () => {};
  }

  // part: what stands behind #recent/ in the address: an id, or nothing.
  async open(part) {
    this.close();
    this.close = () => {};
    if (!this.context.desk.records) {
      this.element.replaceChildren(h("p", { class: "card empty" }, "No records are kept (records.url is off)."));
    } else if (part) {
      await this.show(part);
    } else {
      this.list();
    }
  }

  async show(id) {
    try {
      const record = await this.context.api.get(`records/${encodeURIComponent(id)}`);
      const page = recordPage(record, this.context);
      this.close = page.close;
      this.element.replaceChildren(page.element);
    } catch (error) {
      this.element.replaceChildren(h("p", { class: "card problem" }, error.message));
    }
  }

  list() {
    const said = h("input", { type: "search", "aria-label": "Words", placeholder: "Words that were said" });
    const number = h("input", { type: "search", "aria-label": "Caller", placeholder: "Caller, * is anything" });
    const outcome = h(
      "select",
      { "aria-label": "Outcome" },
      OUTCOMES.map((name) => h("option", { value: name }, name || "any outcome")),
    );
    const body = h("tbody");
    const note = h("p", { class: "quiet", role: "status" });
    const more = h("button", { type: "button", hidden: true }, "Show more");
    const form = h("form", { class: "row", role: "search" }, said, number, outcome, h("button", { type: "submit" }, "Search"));
    const load = async (offset) => {
      const query = new URLSearchParams({ limit: PAGE, offset });
      if (said.value) query.set("said", said.value);
      if (number.value) query.set("caller", number.value);
      if (outcome.value) query.set("outcome", outcome.value);
      try {
        const { records } = await this.context.api.get(`records?${query}`);
        if (!offset) body.replaceChildren();
        body.append(...records.map(row));
        more.hidden = records.length < PAGE;
        note.textContent = body.children.length ? "" : "No call fits.";
      } catch (error) {
        note.textContent = error.message;
      }
    };
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      load(0);
    });
    more.addEventListener("click", () => load(body.children.length));
    const table = h("table", {}, h("thead", {}, heads()), body);
    this.element.replaceChildren(h("div", { class: "card" }, form, h("div", { class: "scroll" }, table), note, more));
    load(0);
  }
}

function heads() {
  return h(
    "tr",
    {},
    h("th", {}, "When"),
    h("th", {}, "Who"),
    h("th", { class: "optional" }, "Agent"),
    h("th", { class: "number" }, "Talk"),
    h("th", { class: "number optional" }, "Answers after"),
    h("th", {}, "End"),
  );
}

function row(call) {
  const end = chip();
  end.update(call.outcome);
  const link = h("a", { href: `#recent/${encodeURIComponent(call.id)}` }, date(call.started_at));
  return h(
    "tr",
    {},
    h("td", {}, link),
    h("td", {}, people(call)),
    h("td", { class: "optional" }, call.agent),
    h("td", { class: "number" }, call.talk_seconds ? duration(call.talk_seconds) : ""),
    h("td", { class: "number optional" }, milliseconds(call.turn_median === null ? null : call.turn_median * 1000)),
    h("td", {}, end.element, " ", h("span", { class: "quiet" }, plain(call.cause))),
  );
}
