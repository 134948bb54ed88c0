// One live call: what is known of it, what is said, what can be done about it.

import { facts, h, sureButton, toggleButton } from "./dom.js";
import { milliseconds, plain, since } from "./format.js";
import { listenButton } from "./listen.js";
import { chip, levels, people, quality, words } from "./parts.js";

const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#"];

export class CallView {
  constructor(call, context) {
    this.state = chip();
    this.facts = h("div");
    this.levels = levels();
    this.words = words("What is said");
    this.end = h("p", { role: "status" });
    this.ear = context.desk.listen ? listenButton(call, context) : null;
    this.tools = context.desk.role === "operate" ? tools(call, context) : null;
    this.element = h(
      "article",
      { class: "card", data: { call: call.id }, "aria-label": `Call ${people(call)}` },
      h("div", { class: "row" }, h("h2", { tabindex: "-1", class: "grow" }, people(call)), this.state.element),
      this.end,
      this.levels.element,
      this.ear?.element,
      this.facts,
      h("h3", {}, "Words"),
      this.words.element,
      this.tools?.element,
    );
    this.shown = "";
  }

  update(call) {
    this.state.update(call.ended ? call.ended.outcome : call.state);
    this.levels.update(call.ended ? { caller: -127, agent: -127 } : call.levels);
    this.words.update(call.transcript);
    const pairs = known(call);
    const now = JSON.stringify(pairs);
    if (now !== this.shown) {
      this.shown = now;
      this.facts.replaceChildren(facts(pairs));
    }
    if (call.ended && !this.end.firstChild) {
      const record = h("a", { href: `#recent/${encodeURIComponent(call.id)}` }, "See its record.");
      this.end.append(`Over: ${plain(call.ended.cause)}. `, record);
    }
    if (this.tools) {
      this.tools.element.hidden = Boolean(call.ended);
      this.tools.update(call);
    }
    if (this.ear && call.ended) this.ear.element.hidden = true;
  }

  close() {
    this.ear?.close();
  }
}

function known(call) {
  const transfer = call.transfer ? `${call.transfer.target}: ${plain(call.transfer.state)}` : "";
  return [
    ["Talk", call.answered_at && !call.ended ? since(call.answered_at) : ""],
    ["Agent", call.agent],
    ["Model", call.model],
    ["Trunk", call.trunk],
    ["Codec", call.codec],
    ["Turns", call.turns],
    ["Last answer after", milliseconds(call.latency_ms)],
    ["Interruptions", call.interruptions],
    ...quality(call),
    ["Transfer", transfer],
    ["Last function", call.lastTool],
    ["Call", call.id],
  ];
}

function tools(call, context) {
  const order = (what, body, done) =>
    context.tell(context.api.post(`calls/${encodeURIComponent(call.id)}/${what}`, body), done);
  const hold = toggleButton("Hold", (on) =>
    order(on ? "hold" : "resume", undefined, on ? "The caller waits." : "The caller is back with the agent."),
  );
  const debug = toggleButton("Log everything", (on) =>
    order("debug", { on }, on ? "All of it is logged, SIP messages too." : "It is logged as others are."),
  );
  const element = h(
    "div",
    { class: "tools" },
    noteForm(order),
    transferForm(order, context.desk.targets),
    keypad(order),
    h(
      "fieldset",
      {},
      h("legend", {}, "This call"),
      hold.element,
      debug.element,
      sureButton("Hang up", "Really hang up?", () => order("hangup", undefined, "Hanging up.")),
    ),
  );
  const update = (now) => {
    hold.update(now.state === "held");
    debug.update(now.debug);
  };
  return { element, update };
}

function fieldset(legend, submit, ...children) {
  const form = h("form", {}, h("fieldset", {}, h("legend", {}, legend), children));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  return form;
}

function noteForm(order) {
  const text = h("textarea", { rows: "2", maxlength: "2000", required: true, "aria-label": "Note" });
  const respond = h("input", { type: "checkbox", checked: true });
  const send = async () => {
    const done = await order("message", { text: text.value, respond: respond.checked }, "The agent knows.");
    if (done) text.value = "";
  };
  return fieldset(
    "Tell the agent",
    send,
    text,
    h("label", { class: "check" }, respond, "Let it say something about this now"),
    h("button", { type: "submit" }, "Tell"),
  );
}

function transferForm(order, targets) {
  const options = [...targets.map((name) => h("option", { value: name }, name)), h("option", { value: "" }, "a number…")];
  const target = h("select", { "aria-label": "Target" }, options);
  const number = h("input", { "aria-label": "Number", placeholder: "Number", autocomplete: "off" });
  const summary = h("textarea", { rows: "2", maxlength: "2000", "aria-label": "Summary", placeholder: "What the human is told about the call" });
  const follow = () => {
    number.hidden = target.value !== "";
    number.required = !number.hidden;
  };
  target.addEventListener("change", follow);
  follow();
  const send = () => {
    const to = target.value ? { target: target.value } : { number: number.value.trim() };
    return order("transfer", { ...to, summary: summary.value }, "The transfer has begun.");
  };
  return fieldset("Transfer", send, target, number, summary, h("button", { type: "submit" }, "Transfer"));
}

function keypad(order) {
  const press = (key) => order("dtmf", { digits: key }, `Key ${key} is sent.`);
  const keys = KEYS.map((key) => h("button", { type: "button", onclick: () => press(key) }, key));
  return h("fieldset", {}, h("legend", {}, "Press keys"), h("div", { class: "keys" }, keys));
}
