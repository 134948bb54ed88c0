// One call that is over: facts, recording, words, ladder.

import { facts, h } from "./dom.js";
import { date, duration, fixed, milliseconds, plain } from "./format.js";
import { chip, people } from "./parts.js";
import { player } from "./waveform.js";

export function recordPage(record, context) {
  const { call } = record;
  const end = chip();
  end.update(call.outcome);
  const sound = call.recording ? player(call, context) : null;
  const element = h(
    "div",
    {},
    h(
      "article",
      { class: "card", "aria-label": `Record of ${people(call)}` },
      h("p", {}, h("a", { href: "#recent" }, "← All calls")),
      h("div", { class: "row" }, h("h2", { class: "grow" }, people(call)), end.element),
      facts(known(call)),
      sound ? [h("h3", {}, "Recording"), sound.element] : null,
      h("h3", {}, "Words"),
      transcript(record, sound),
      details("Ladder", ladder(record.moments)),
      details("Functions", tools(record.tools)),
    ),
  );
  return { element, close: () => sound?.close() };
}

function known(call) {
  return [
    ["Began", date(call.started_at)],
    ["Talk", duration(call.talk_seconds)],
    ["Ended by", call.ended_by],
    ["Cause", plain(call.cause)],
    ["Reason", call.reason],
    ["SIP status", call.sip_status || ""],
    ["Agent", call.agent],
    ["Model", call.model],
    ["Trunk", call.trunk],
    ["Codec", call.codec],
    ["Turns", call.turns],
    ["Answers after", milliseconds(call.turn_median === null ? null : call.turn_median * 1000)],
    ["Interruptions", call.barge_ins],
    ["We heard (MOS)", fixed(call.mos, 2)],
    ["They heard (MOS)", fixed(call.peer_mos, 2)],
    ["Loss", fixed(call.loss_percent, 2, " %")],
    ["Jitter", fixed(call.jitter_ms, 1, " ms")],
    ["Transfer", [plain(call.transfer), call.transfer_target].filter(Boolean).join(" to ")],
    ["Answered by", call.answered_by],
    ["Cost", call.cost_usd === null ? "" : `$${call.cost_usd.toFixed(4)}`],
    ["Call", call.id],
    ["SIP Call-ID", call.sip_call_id],
  ];
}

function transcript({ utterances }, sound) {
  if (!utterances.length) return h("p", { class: "quiet" }, "Nothing is stored.");
  return h(
    "ol",
    { class: "words", tabindex: "0", "aria-label": "What was said" },
    utterances.map((line) =>
      h(
        "li",
        { data: { who: line.who } },
        h("small", {}, `${line.who}, ${duration(line.at)}${heard(line)}`),
        line.text,
        sound ? jump(line, sound) : null,
      ),
    ),
  );
}

function heard(line) {
  return line.heard_ms === null ? "" : `, ${(line.heard_ms / 1000).toFixed(1)} s were heard`;
}

function jump(line, sound) {
  return h(
    "button",
    { type: "button", class: "plain", "aria-label": `Play from ${duration(line.at)}`, onclick: () => sound.play(line.at) },
    "play",
  );
}

function details(title, table) {
  return table ? h("details", {}, h("summary", {}, title), h("div", { class: "scroll" }, table)) : null;
}

function ladder(moments) {
  if (!moments.length) return null;
  const arrows = { in: "◀", out: "▶", "": "·" };
  return h(
    "table",
    {},
    h("tbody", {}, moments.map((one) =>
      h(
        "tr",
        {},
        h("td", { class: "number" }, one.at.toFixed(3)),
        h("td", {}, one.party),
        h("td", {}, arrows[one.direction] ?? ""),
        h("td", {}, one.name),
        h("td", {}, one.detail),
      ),
    )),
  );
}

function tools(runs) {
  if (!runs.length) return null;
  return h(
    "table",
    {},
    h("tbody", {}, runs.map((run) =>
      h(
        "tr",
        {},
        h("td", { class: "number" }, run.at.toFixed(3)),
        h("td", {}, run.name),
        h("td", {}, run.outcome),
        h("td", { class: "number" }, milliseconds(run.seconds === null ? null : run.seconds * 1000)),
        h("td", {}, run.arguments),
      ),
    )),
  );
}
