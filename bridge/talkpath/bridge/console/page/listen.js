// Listening to a live call: its sound comes as an endless WAV stream and is played as it comes.

import { h, toggleButton } from "./dom.js";
import { share } from "./format.js";

const WORKLET = new URL("player.js", import.meta.url);
const HEADER = 44; // octets before the first sample
const RATE_AT = 24; // of the header: samples per second
const FRAME = 4; // octets of a sample of both sides

// A button for one call, and a bar that shows what is played.
export function listenButton(call, context) {
  let ear = null;
  const bar = h("i");
  const heard = h(
    "div",
    { class: "level", data: { who: "heard" }, hidden: true },
    h("span", {}, "you hear"),
    h("span", { "aria-hidden": "true" }, bar),
  );
  const show = () => {
    button.update(ear);
    heard.hidden = !ear;
  };
  const close = () => {
    ear?.stop();
    ear = null;
    show();
  };
  const open = async () => {
    const mine = new Ear((level) => (bar.style.transform = `scaleX(${share(level)})`));
    ear = mine;
    show();
    await context.tell(mine.play(context.api, call.id), "");
    if (ear === mine) close();
  };
  const button = toggleButton("Listen", (on) => (on ? open() : close()));
  button.element.title = "Hear both: caller left, agent right. That you listen is logged.";
  return { element: h("div", { class: "listen" }, button.element, heard), close };
}

class Ear {
  constructor(onLevel) {
    this.onLevel = onLevel;
    this.end = new AbortController();
    this.context = null;
  }

  stop() {
    this.end.abort();
  }

  // Plays until the call is over or somebody stops it.
  async play(api, call) {
    try {
      const path = `calls/${encodeURIComponent(call)}/audio`;
      const answer = await api.fetch("GET", path, undefined, this.end.signal);
      await this.pass(answer.body.getReader());
    } catch (error) {
      if (error.name !== "AbortError") throw error;
    } finally {
      this.stop();
      await this.context?.close();
    }
  }

  // Hands whole samples to the player, whatever pieces they come in.
  async pass(reader) {
    let rest = new Uint8Array(0);
    let player = null;
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      rest = joined(rest, value);
      if (!player) {
        if (rest.length < HEADER) continue;
        player = await this.open(new DataView(rest.buffer, rest.byteOffset).getUint32(RATE_AT, true));
        rest = rest.slice(HEADER);
      }
      const whole = rest.length - (rest.length % FRAME);
      if (whole) player.port.postMessage(rest.slice(0, whole).buffer);
      rest = rest.slice(whole);
    }
  }

  async open(rate) {
    this.context = new AudioContext({ sampleRate: rate, latencyHint: "interactive" });
    await this.context.audioWorklet.addModule(WORKLET);
    const player = new AudioWorkletNode(this.context, "talkpath-player", {
      numberOfInputs: 0,
      outputChannelCount: [2],
    });
    player.port.onmessage = ({ data }) => this.onLevel(data);
    player.connect(this.context.destination);
    return player;
  }
}

function joined(first, second) {
  const all = new Uint8Array(first.length + second.length);
  all.set(first);
  all.set(second, first.length);
  return all;
}
