// What is said in one call, from the daemon's stream of events (Server-Sent Events over fetch: an EventSource
// cannot send a token).

// Begins to listen to the daemon, before a call: it tells of words only from then on. Returns null if it does
// not let us.
export async function openEvents(address, token, signal) {
  const answer = await fetch(address, { headers: { Authorization: `Bearer ${token}` }, signal });
  return answer.ok ? answer.body : null;
}

// Yields { who, item, text } for each piece of an utterance; `text` is the utterance so far. An utterance of the
// caller begins with an item of null: its words come late, often after the answer to them.
export async function* readTranscript(body, call) {
  for await (const { kind, data } of events(body)) {
    if (kind === "snapshot") yield* data.calls.find((one) => one.id === call)?.transcript ?? [];
    if (kind === "call.said" && data.call === call) yield data.line;
    if (kind === "call.speaking" && data.call === call && data.speaking) {
      yield { who: "caller", item: null, text: "…" };
    }
    if (kind === "call.ended" && data.call === call) return;
  }
}

// Cuts a stream of octets into events (WHATWG HTML, section 9.2.6).
async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n\n");
    rest = parts.pop();
    for (const part of parts) {
      const event = parse(part);
      if (event) yield event;
    }
  }
}

export function parse(text) {
  let kind = "message";
  const data = [];
  for (const line of text.split("\n")) {
    if (line.startsWith("event:")) kind = line.slice(6).trim();
    if (line.startsWith("data:")) data.push(line.slice(5).trim());
  }
  return data.length ? { kind, data: JSON.parse(data.join("\n")) } : null;
}
