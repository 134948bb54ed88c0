// The view of live calls: a list, the chosen call beside it, and a form to call somebody.

import { CallView } from "./call.js";
import { Keyed, h, write } from "./dom.js";
import { milliseconds, since } from "./format.js";
import { chip, levels, people } from "./parts.js";

export class LiveView {
  constructor(element, context) {
    this.context = context;
    this.chosen = "";
    this.list = h("ul", { class: "calls", "aria-label": "Live calls" });
    this.empty = h("p", { class: "empty card" }, "No calls at the moment.");
    this.place = h("div");
    this.view = null;
    this.cards = new Keyed(this.list, (call) => card(call, (id) => this.choose(id)));
    const side = h("div", {}, this.list, this.empty, context.desk.role === "operate" ? callForm(context) : null);
    element.replaceChildren(h("div", { class: "two" }, side, this.place));
  }

  choose(id) {
    this.chosen = id;
    this.drop();
    this.place.replaceChildren();
    this.render();
    this.place.querySelector("h2")?.focus();
  }

  // Forgets the view of a call, and what it listens to.
  drop() {
    this.view?.close();
    this.view = null;
  }

  render() {
    const { store } = this.context;
    store.forget(Date.now(), this.chosen);
    const calls = [...store.calls.values()];
    if (!store.calls.has(this.chosen)) {
      this.chosen = store.live()[0]?.id ?? "";
      this.drop();
    }
    this.empty.hidden = calls.length > 0;
    this.cards.show(calls, (call) => call.id);
    for (const [id, part] of this.cards.parts) part.choose(id === this.chosen);
    const call = store.calls.get(this.chosen);
    if (!call) {
      this.place.replaceChildren();
      return;
    }
    if (!this.view) {
      this.view = new CallView(call, this.context);
      this.place.replaceChildren(this.view.element);
    }
    this.view.update(call);
  }
}

function card(call, choose) {
  const state = chip();
  const length = h("span", { class: "number" });
  const latency = h("span", { class: "quiet number" });
  const bars = levels();
  const button = h(
    "button",
    { type: "button", class: "call", onclick: () => choose(call.id), data: { call: call.id } },
    h("span", { class: "row" }, h("span", { class: "who grow" }, people(call)), state.element),
    h("span", { class: "row quiet" }, h("span", { class: "grow" }, call.agent), latency, length),
    bars.element,
  );
  return {
    element: h("li", {}, button),
    update(now) {
      state.update(now.ended ? now.ended.outcome : now.state);
      write(length, now.ended ? "" : since(now.answered_at ?? now.started_at));
      write(latency, milliseconds(now.latency_ms));
      bars.update(now.levels);
    },
    choose(chosen) {
      if (chosen) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
    },
  };
}

function callForm({ api, desk, tell }) {
  const to = h("input", { id: "place-to", required: true, autocomplete: "off", placeholder: "+49… or sip:…" });
  const trunk = select("place-trunk", ["", ...desk.trunks], "no trunk");
  const agent = select("place-agent", desk.agents);
  const form = h(
    "form",
    { class: "form card", "aria-label": "Call somebody" },
    h("h2", {}, "Call somebody"),
    h("label", { for: "place-to" }, "Number or address"),
    to,
    h("label", { for: "place-trunk" }, "Trunk"),
    trunk,
    h("label", { for: "place-agent" }, "Agent"),
    agent,
    h("button", { type: "submit", class: "primary" }, "Call"),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const wanted = { to: to.value.trim(), trunk: trunk.value, agent: agent.value };
    if (await tell(api.post("calls", wanted), "The call is on its way.")) to.value = "";
  });
  return form;
}

function select(id, names, nothing = "") {
  return h("select", { id }, names.map((name) => h("option", { value: name }, name || nothing)));
}
