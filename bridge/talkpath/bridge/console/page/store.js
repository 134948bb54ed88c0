// What is known of the live calls: events in, calls out. No page, no network.

export const REMEMBERED = 15000; // ms that a call stays on the page after its end
const MAX_LINES = 300;

export class Store {
  constructor() {
    this.calls = new Map();
    this.registrations = new Map();
  }

  take(event, now = Date.now()) {
    const call = this.calls.get(event.call?.id ?? event.call);
    switch (event.kind) {
      case "snapshot":
        this.replace(event.calls);
        this.registrations = new Map(event.registrations.map((one) => [one.trunk, one]));
        break;
      case "call.started":
        this.calls.set(event.call.id, fresh(event.call));
        break;
      case "call.changed":
        if (call) Object.assign(call, event.call);
        break;
      case "call.said":
        if (call) said(call, event.line);
        break;
      case "call.speaking":
        if (call) spoke(call, event.speaking, now);
        break;
      case "call.tool":
        if (call) call.lastTool = event.tool;
        break;
      case "figures":
        for (const figure of event.calls) this.figure(figure);
        break;
      case "call.ended":
        if (call) Object.assign(call, { state: "ended", ended: event, forgetAt: now + REMEMBERED });
        break;
      case "registration":
        this.registrations.set(event.registration.trunk, event.registration);
        break;
    }
  }

  // Forgets calls that ended a while ago, but for the one that somebody looks at.
  forget(now, kept) {
    for (const [id, call] of this.calls) {
      if (call.forgetAt && call.forgetAt < now && id !== kept) this.calls.delete(id);
    }
  }

  live() {
    return [...this.calls.values()].filter((call) => !call.ended);
  }

  replace(calls) {
    const ended = [...this.calls].filter(([, call]) => call.ended);
    this.calls = new Map([...ended, ...calls.map((call) => [call.id, fresh(call)])]);
  }

  figure({ call: id, caller_level: caller, agent_level: agent, quality }) {
    const call = this.calls.get(id);
    if (!call) return;
    call.levels = { caller, agent };
    if (quality) call.quality = quality;
  }
}

function fresh(call) {
  return { levels: { caller: -127, agent: -127 }, ...call, transcript: (call.transcript ?? []).map(keyed) };
}

function keyed(line) {
  return { ...line, key: `${line.who} ${line.item}` };
}

// The words of the caller come late, often after the answer to them: their place is kept from the first sound.
function spoke(call, speaking, now) {
  call.caller_speaking = speaking;
  if (speaking && call.transcript.at(-1)?.item !== null) {
    add(call, { who: "caller", item: null, at: now, text: "…", final: false, key: `caller at ${now}` });
  }
}

function said(call, line) {
  const { transcript } = call;
  let place = transcript.findLastIndex((one) => one.item === line.item && one.who === line.who);
  if (place < 0 && line.who === "caller") place = transcript.findIndex((one) => one.item === null);
  if (place < 0) add(call, keyed(line));
  else transcript[place] = { ...line, at: transcript[place].at, key: transcript[place].key };
}

function add(call, line) {
  call.transcript.push(line);
  if (call.transcript.length > MAX_LINES) call.transcript.shift();
}
