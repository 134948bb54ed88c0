// A telephone to talk to an agent: mount(element, options) puts it into a page.
//
// The voice goes by WebRTC to the daemon at this page's own address, without STUN or TURN. Whatever a server
// says is written as text, never as HTML.

import { openEvents, readTranscript } from "./transcript.js";

const HERE = new URL(".", import.meta.url);
const GATHERING = 2000; // ms; host candidates come at once, but a broken resolver can hold the last one
const QUIETEST = -50; // dB of the full scale, where a level meter begins
const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#"];
const MICROPHONE = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
const WHY_NOT = {
  NotAllowedError: "The browser does not give the microphone to this page. Allow it beside the address.",
  NotFoundError: "There is no microphone.",
  NotReadableError: "The microphone cannot be opened; another program may have it.",
};

class Refused extends Error {}

// Mounts a phone.
//
// element: is filled, and marked with the class talkpath-phone.
// options.token: the token for requests, one of [api] operate.
// options.events: address of the stream of events that tells what is said; by default the daemon's own, "" for
// none.
// options.agent: who is chosen first.
// options.ready(): called when the token was taken. options.refused(reason): when it was not.
//
// Returns { state(), hangUp(), destroy() }.
export function mount(element, options = {}) {
  const phone = new Phone(element, { events: new URL("../api/v1/events", HERE), ...options });
  phone.open();
  return {
    state: () => phone.state,
    hangUp: () => phone.hangUp(),
    destroy: () => phone.destroy(),
  };
}

class Phone {
  constructor(element, options) {
    this.element = element;
    this.options = options;
    this.call = null;
    this.parts = build(element, this);
    this.onLeave = () => this.leave();
    addEventListener("pagehide", this.onLeave);
    this.become("idle", "Not in a call");
  }

  get state() {
    return this.element.dataset.state;
  }

  async open() {
    try {
      const { agents } = await this.request("GET", "agents");
      this.parts.agent.replaceChildren(...agents.map((name) => new Option(name, name)));
      if (agents.includes(this.options.agent)) this.parts.agent.value = this.options.agent;
      this.parts.call.disabled = false;
      this.options.ready?.();
    } catch (error) {
      this.parts.problem.textContent = error.message;
    }
  }

  // What is pressed ---------------------------------------------------------------------------------

  press() {
    if (this.call) this.hangUp();
    else this.dial();
  }

  async dial() {
    const call = (this.call = new Call(this));
    this.parts.problem.textContent = "";
    this.parts.words.replaceChildren();
    this.parts.mute.setAttribute("aria-pressed", "false");
    this.become("calling", "Waiting for the microphone …");
    try {
      await call.begin(this.parts.agent.value);
    } catch (error) {
      if (this.call === call) {
        this.parts.problem.textContent = error.message;
        this.end("No call");
      }
      call.close();
    }
  }

  hangUp() {
    if (this.call) this.end("Call ended");
  }

  end(words) {
    const call = this.call;
    this.call = null;
    call?.close();
    this.become("idle", words);
  }

  mute() {
    const muted = this.parts.mute.getAttribute("aria-pressed") !== "true";
    this.parts.mute.setAttribute("aria-pressed", String(muted));
    this.call?.mute(muted);
  }

  async key(key) {
    try {
      if (this.call?.id) await this.request("POST", `calls/${this.call.id}/keys`, { key });
    } catch (error) {
      this.parts.problem.textContent = error.message;
    }
  }

  // What happens ------------------------------------------------------------------------------------

  become(state, words) {
    const { parts, element } = this;
    element.dataset.state = state;
    parts.status.textContent = words;
    parts.call.textContent = state === "idle" ? "Talk" : "Hang up";
    parts.agent.disabled = state !== "idle";
    parts.mute.disabled = state === "idle";
    for (const key of parts.keys) key.disabled = state !== "talking";
    if (state === "idle") {
      parts.clock.textContent = "";
      this.show({ caller: 0, agent: 0 });
    }
  }

  show(levels) {
    for (const [who, level] of Object.entries(levels)) {
      this.parts[`${who}Level`].style.setProperty("--level", level.toFixed(2));
    }
  }

  // The words of the caller take the place that was kept for them when the caller began to speak.
  said({ who, item, text }) {
    const { words } = this.parts;
    const lines = [...words.children];
    const waiting = lines.find((one) => who === "caller" && !one.dataset.item && one.className === who);
    if (item === null && waiting) return;
    let line = lines.find((one) => item && one.dataset.item === item) ?? waiting;
    if (!line) {
      line = make("li", { className: who });
      words.append(line);
    }
    if (item) line.dataset.item = item;
    line.textContent = text;
    words.scrollTop = words.scrollHeight;
  }

  async request(method, path, body, more = {}) {
    const headers = { Authorization: `Bearer ${this.options.token}` };
    if (body) headers["Content-Type"] = "application/json";
    const answer = await fetch(new URL(path, HERE), {
      method,
      headers,
      body: body && JSON.stringify(body),
      ...more,
    });
    if (answer.ok) return answer.status === 204 ? null : answer.json();
    const told = await answer.json().catch(() => ({}));
    let reason = typeof told.detail === "string" ? told.detail : `The daemon answered ${answer.status}.`;
    if (answer.status === 401) reason = "The daemon does not know this token.";
    if (answer.status === 401 || answer.status === 403) this.options.refused?.(reason);
    throw new Refused(reason);
  }

  leave() {
    if (this.call) this.end("Call ended");
  }

  destroy() {
    this.leave();
    removeEventListener("pagehide", this.onLeave);
    this.element.classList.remove("talkpath-phone");
    this.element.replaceChildren();
  }
}

// One call: the microphone, the peer connection, the meters. Closed once, whatever state it is in.
class Call {
  constructor(phone) {
    this.phone = phone;
    this.id = "";
    this.closed = new AbortController();
    this.began = 0;
  }

  async begin(agent) {
    if (!navigator.mediaDevices) {
      throw new Error("Browsers give a microphone to pages of this machine (localhost) or by HTTPS only.");
    }
    await this.takeMicrophone();
    this.phone.become("calling", `Calling ${agent} …`);
    const connection = (this.connection = new RTCPeerConnection({ iceServers: [] }));
    const [track] = this.microphone.getTracks();
    const sender = connection.addTrack(track, this.microphone);
    connection.addEventListener("track", (event) => this.listen(event.streams[0]));
    connection.addEventListener("connectionstatechange", () => this.connectionChanged());
    await connection.setLocalDescription();
    await gathered(connection);
    const sdp = connection.localDescription.sdp;
    const events = await this.openEvents();
    const answer = await this.phone.request("POST", "offer", { agent, sdp }, { signal: this.closed.signal });
    this.id = answer.call;
    if (this.closed.signal.aborted) return this.tell();
    this.readWords(events);
    await connection.setRemoteDescription({ type: "answer", sdp: answer.sdp });
    sender.transport.addEventListener("statechange", () => this.transportChanged(sender.transport));
  }

  async takeMicrophone() {
    try {
      this.microphone = await navigator.mediaDevices.getUserMedia({ audio: MICROPHONE });
    } catch (error) {
      throw new Error(WHY_NOT[error.name] ?? `The microphone cannot be opened: ${error.message}`);
    }
    if (this.closed.signal.aborted) this.stopMicrophone();
    this.context = new AudioContext();
    this.callerMeter = meter(this.context, this.microphone);
    this.timer = setInterval(() => this.tick(), 100);
  }

  listen(stream) {
    const audio = this.phone.parts.audio;
    audio.srcObject = stream;
    audio.play().catch(() => {
      this.phone.parts.problem.textContent = "The browser does not play sound here; press Talk again.";
    });
    this.agentMeter = meter(this.context, stream);
  }

  connectionChanged() {
    const { connectionState } = this.connection;
    if (connectionState === "connected" && !this.began) {
      this.began = performance.now();
      this.phone.become("talking", "Connected");
    } else if (connectionState === "failed") {
      this.phone.parts.problem.textContent =
        "There is no way to the daemon: UDP must get from this browser to an address of its machine.";
      this.over();
    } else if (connectionState === "closed") {
      this.over();
    }
  }

  transportChanged(transport) {
    if (transport.state === "closed" || transport.state === "failed") this.over();
  }

  over() {
    if (this.phone.call === this) this.phone.end("The other side ended the call");
  }

  // The words are an extra: a call without them is a call.
  async openEvents() {
    const { events, token } = this.phone.options;
    try {
      return events ? await openEvents(events, token, this.closed.signal) : null;
    } catch {
      return null;
    }
  }

  async readWords(events) {
    if (!events) return;
    try {
      for await (const line of readTranscript(events, this.id)) this.phone.said(line);
    } catch {
      // The stream was closed, with the call or by the daemon.
    }
  }

  mute(muted) {
    for (const track of this.microphone?.getTracks() ?? []) track.enabled = !muted;
  }

  tick() {
    this.phone.show({ caller: this.callerMeter(), agent: this.agentMeter?.() ?? 0 });
    if (this.began) {
      const seconds = Math.floor((performance.now() - this.began) / 1000);
      const clock = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
      this.phone.parts.clock.textContent = clock;
    }
  }

  stopMicrophone() {
    for (const track of this.microphone?.getTracks() ?? []) track.stop();
  }

  tell() {
    if (!this.id) return;
    // keepalive: the page may be gone before the request is.
    this.phone.request("DELETE", `calls/${this.id}`, undefined, { keepalive: true }).catch(() => {});
    this.id = "";
  }

  close() {
    if (!this.closed.signal.aborted) this.closed.abort();
    clearInterval(this.timer);
    this.tell();
    this.connection?.close();
    this.stopMicrophone();
    if (this.context?.state !== "closed") this.context?.close();
    this.phone.parts.audio.srcObject = null;
  }
}

// Waits until the addresses of this machine are in the description: there is no trickle.
function gathered(connection) {
  if (connection.iceGatheringState === "complete") return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, GATHERING);
    connection.addEventListener("icegatheringstatechange", () => {
      if (connection.iceGatheringState === "complete") {
        clearTimeout(timer);
        resolve();
      }
    });
  });
}

// Returns a function that tells how loud a stream is: 0 to 1.
function meter(context, stream) {
  const analyser = new AnalyserNode(context, { fftSize: 2048 });
  context.createMediaStreamSource(stream).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  return () => {
    analyser.getFloatTimeDomainData(samples);
    const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
    const decibels = 10 * Math.log10(power + 1e-12);
    return Math.min(1, Math.max(0, 1 - decibels / QUIETEST));
  };
}

function make(tag, properties = {}, ...children) {
  const { label, ...others } = properties;
  const element = Object.assign(document.createElement(tag), others);
  if (label) element.setAttribute("aria-label", label);
  element.append(...children);
  return element;
}

function level(label) {
  const bar = make("span");
  const frame = make("div", { className: "level", role: "img", label: `Level: ${label}` }, bar);
  return [bar, make("span", {}, label), frame];
}

// Fills the element; returns the parts that change.
function build(element, phone) {
  const agent = make("select");
  const call = make("button", { type: "button", className: "call", disabled: true }, "Talk");
  const mute = make("button", { type: "button", className: "mute" }, "Mute");
  const status = make("span");
  status.setAttribute("role", "status");
  const clock = make("span", { className: "clock" });
  const problem = make("p", { className: "problem" });
  problem.setAttribute("role", "alert");
  const words = make("ol", { className: "words", label: "What is said" });
  words.setAttribute("role", "log");
  words.tabIndex = 0;
  const keys = KEYS.map((key) => make("button", { type: "button", label: `Key ${key}` }, key));
  const [callerLevel, ...callerRow] = level("You");
  const [agentLevel, ...agentRow] = level("Agent");
  const audio = make("audio", { autoplay: true, hidden: true });
  call.addEventListener("click", () => phone.press());
  mute.addEventListener("click", () => phone.mute());
  for (const key of keys) key.addEventListener("click", () => phone.key(key.textContent));
  element.classList.add("talkpath-phone");
  element.replaceChildren(
    make("label", { className: "choice" }, "Agent", agent),
    make("p", { className: "status" }, status, clock),
    make("div", { className: "controls" }, call, mute),
    make("div", { className: "levels" }, ...callerRow, ...agentRow),
    problem,
    words,
    make("details", {}, make("summary", {}, "Keys"), make("div", { className: "keys" }, ...keys)),
    audio,
  );
  return { agent, call, mute, status, clock, problem, words, keys, callerLevel, agentLevel, audio };
}
