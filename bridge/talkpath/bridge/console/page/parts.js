// Parts that several views show: levels, words, chips.

import { Keyed, h, write } from "./dom.js";
import { fixed, milliseconds, plain, share, time, tone } from "./format.js";

export function chip(word) {
  const element = h("span", { class: "chip" });
  return {
    element,
    update(text) {
      write(element, plain(text));
      element.dataset.tone = tone(text);
    },
    word,
  };
}

// Two bars: how loud caller and agent are.
export function levels() {
  const bars = { caller: h("i"), agent: h("i") };
  const rows = Object.entries(bars).map(([who, bar]) =>
    h("div", { class: "level", data: { who } }, h("span", {}, who), h("span", { "aria-hidden": "true" }, bar)),
  );
  return {
    element: h("div", {}, rows),
    update(now) {
      for (const [who, bar] of Object.entries(bars)) bar.style.transform = `scaleX(${share(now[who])})`;
    },
  };
}

// What is said, the newest below; follows it while the reader is at the end.
export function words(label) {
  const list = h("ol", { class: "words", role: "log", "aria-label": label, tabindex: "0" });
  const shown = new Keyed(list, bubble);
  return {
    element: list,
    update(lines) {
      const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
      shown.show(lines, (line) => line.key);
      if (atEnd) list.scrollTop = list.scrollHeight;
    },
  };
}

function bubble({ who }) {
  const about = h("small");
  const text = h("span");
  const element = h("li", { data: { who } }, about, text);
  return {
    element,
    update(line) {
      write(about, `${who}, ${time(line.at)}`);
      write(text, line.text);
      element.dataset.final = line.final;
    },
  };
}

export function quality(call) {
  return [
    ["Quality (MOS)", fixed(call.quality?.mos, 2)],
    ["Loss", fixed(call.quality?.loss_percent, 2, " %")],
    ["Jitter", fixed(call.quality?.jitter_ms, 1, " ms")],
    ["Round trip", milliseconds(call.quality?.round_trip_ms)],
  ];
}

export function people(call) {
  return `${call.caller || "unknown"} → ${call.called || "unknown"}`;
}
