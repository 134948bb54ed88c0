// The view of the daemon itself: health, processes, registrations, reload, end.

import { facts, h, sureButton } from "./dom.js";
import { duration } from "./format.js";

export class SystemView {
  constructor(element, context) {
    this.context = context;
    this.place = h("div");
    element.replaceChildren(this.place, context.desk.role === "operate" ? actions(context) : null);
  }

  render(health) {
    if (!health) return;
    const registrations = [...this.context.store.registrations.values()];
    this.place.replaceChildren(
      h(
        "article",
        { class: "card" },
        h("h2", {}, health.ok ? "All is well" : "It should get no calls"),
        health.problems.map((problem) => h("p", { class: "problem" }, problem)),
        facts([
          ["Version", health.version],
          ["Up for", duration(health.uptime_seconds)],
          ["Dialogs", health.calls],
          ["Free lanes", health.free_lanes],
          ["Draining", health.draining ? "yes" : "no"],
        ]),
        h("h3", {}, "Processes"),
        processes(health.processes),
        h("h3", {}, "Registrations"),
        registrations.length ? table(registrations) : h("p", { class: "quiet" }, "None is configured."),
      ),
    );
  }
}

function processes(known) {
  const rows = Object.entries(known).map(([name, one]) =>
    h(
      "tr",
      {},
      h("td", {}, name),
      h("td", {}, h("span", { class: "chip", data: { tone: one.ready ? "good" : "bad" } }, one.ready ? "works" : "is down")),
      h("td", { class: "number" }, one.pid ?? ""),
      h("td", { class: "number" }, one.restarts ? `${one.restarts} restarts` : ""),
    ),
  );
  return h("div", { class: "scroll" }, h("table", {}, h("tbody", {}, rows)));
}

function table(registrations) {
  const rows = registrations.map((one) =>
    h(
      "tr",
      {},
      h("td", {}, one.trunk),
      h("td", {}, h("span", { class: "chip", data: { tone: one.registered ? "good" : "bad" } }, one.registered ? "registered" : "not registered")),
      h("td", {}, one.status ? `${one.status} ${one.reason}` : ""),
    ),
  );
  return h("div", { class: "scroll" }, h("table", {}, h("tbody", {}, rows)));
}

function actions({ api, tell }) {
  const reload = async () => {
    const done = await tell(api.post("reload"), "");
    if (!done) return;
    const waiting = done.waiting.length ? ` A restart is needed for: ${done.waiting.join(", ")}.` : "";
    tell(Promise.resolve(true), `${done.changed.length ? `Changed: ${done.changed.join(", ")}.` : "Nothing has changed."}${waiting}`);
  };
  return h(
    "article",
    { class: "card" },
    h("h2", {}, "Actions"),
    h(
      "div",
      { class: "row" },
      h("button", { type: "button", onclick: reload }, "Read the configuration again"),
      sureButton("Drain and end", "Take no new calls, and end?", () => tell(api.post("drain", {}), "No new calls are taken.")),
    ),
    h("p", { class: "quiet" }, "Draining lets live calls finish, for as long as workers.drain_timeout says; then the daemon ends."),
  );
}
