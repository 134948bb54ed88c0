// A recording: both voices as a picture, and the sound. It is fetched only when somebody wants it.

import { h } from "./dom.js";

const COLUMNS = 800;

export function player(call, { api }) {
  const load = h("button", { type: "button" }, "Load the recording");
  const canvas = h("canvas", { width: String(COLUMNS), height: "160", role: "img", "aria-label": "Both voices over time", hidden: true });
  const audio = h("audio", { controls: true, hidden: true });
  const note = h("p", { class: "quiet", role: "status" });
  const legend = ["caller", "agent"].map((who) => h("span", { class: "quiet" }, h("i", { class: "key", data: { who } }), who, " "));
  const began = Date.parse(call.started_at);
  const offset = () => (call.answered_at ? (Date.parse(call.answered_at) - began) / 1000 : 0);
  let url = "";
  let loading = null;

  const fetchIt = async () => {
    load.disabled = true;
    note.textContent = "Loading…";
    try {
      const blob = await api.blob(`records/${encodeURIComponent(call.id)}/recording`);
      url = URL.createObjectURL(blob);
      audio.src = url;
      draw(canvas, await decode(blob));
      note.textContent = "";
      load.hidden = true;
      canvas.hidden = audio.hidden = false;
    } catch (error) {
      note.textContent = error.message;
      load.disabled = false;
      loading = null;
      throw error;
    }
  };
  const ensure = () => (loading ??= fetchIt());
  load.addEventListener("click", () => ensure().catch(() => {}));
  canvas.addEventListener("click", (event) => {
    audio.currentTime = (event.offsetX / canvas.clientWidth) * audio.duration;
    audio.play();
  });
  return {
    element: h("div", { class: "wave" }, h("div", {}, load, " ", legend), canvas, audio, note),
    // at: seconds from the start of the call; the recording begins at the answer.
    async play(at) {
      try {
        await ensure();
      } catch {
        return;
      }
      audio.currentTime = Math.max(0, at - offset());
      audio.play();
    },
    close() {
      audio.pause();
      if (url) URL.revokeObjectURL(url);
    },
  };
}

async function decode(blob) {
  const context = new OfflineAudioContext(2, 1, 8000);
  return context.decodeAudioData(await blob.arrayBuffer());
}

// The caller grows upwards from the middle, the agent downwards.
function draw(canvas, sound) {
  const colours = getComputedStyle(document.documentElement);
  const pen = canvas.getContext("2d");
  const middle = canvas.height / 2;
  ["--caller", "--agent"].forEach((name, channel) => {
    const samples = sound.getChannelData(Math.min(channel, sound.numberOfChannels - 1));
    const probe = canvas.appendChild(document.createElement("i"));
    probe.style.color = colours.getPropertyValue(name);
    pen.fillStyle = getComputedStyle(probe).color;
    probe.remove();
    const found = peaks(samples);
    const loudest = Math.max(0.05, ...found); // quiet voices are seen, too; noise is not made a voice
    found.forEach((peak, column) => {
      const height = Math.max(0.5, (peak / loudest) * middle * 0.95);
      pen.fillRect(column, channel ? middle : middle - height, 1, height);
    });
  });
}

export function peaks(samples, columns = COLUMNS) {
  const width = samples.length / columns;
  return Array.from({ length: columns }, (_, column) => {
    let most = 0;
    const end = Math.floor((column + 1) * width);
    for (let at = Math.floor(column * width); at < end; at += 1) most = Math.max(most, Math.abs(samples[at]));
    return most;
  });
}
