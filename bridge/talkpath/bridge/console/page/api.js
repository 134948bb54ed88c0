// The control API: requests with the token, and the stream of events.

const BASE = new URL("../api/v1/", import.meta.url);
const RETRY = 2000; // ms; the daemon may be starting again

export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export class Api {
  constructor(token) {
    this.token = token;
  }

  get(path) {
    return this.request("GET", path);
  }

  post(path, body = undefined) {
    return this.request("POST", path, body);
  }

  async request(method, path, body) {
    const answer = await this.fetch(method, path, body);
    return answer.status === 204 ? null : answer.json();
  }

  async blob(path) {
    return (await this.fetch("GET", path)).blob();
  }

  async fetch(method, path, body, signal) {
    const headers = { Authorization: `Bearer ${this.token}` };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    let answer;
    try {
      answer = await fetch(new URL(path, BASE), {
        method,
        headers,
        signal,
        body: body === undefined ? undefined : JSON.stringify(body),
      });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new ApiError(0, "The daemon does not answer.");
    }
    if (!answer.ok) throw new ApiError(answer.status, await reason(answer));
    return answer;
  }

  // Calls take(event) for each event, and state(connected) when the stream comes and goes, until stopped.
  // An EventSource cannot send a token, so the stream is read here (WHATWG HTML, section 9.2.6).
  listen(take, state) {
    const stop = new AbortController();
    const run = async () => {
      while (!stop.signal.aborted) {
        try {
          const answer = await this.fetch("GET", "events", undefined, stop.signal);
          state(true);
          await read(answer.body, take);
        } catch (error) {
          if (stop.signal.aborted) return;
          if (error.status === 401 || error.status === 403) return state(false, error);
        }
        state(false);
        await new Promise((done) => setTimeout(done, RETRY));
      }
    };
    run();
    return () => stop.abort();
  }
}

async function reason(answer) {
  try {
    return (await answer.json()).detail;
  } catch {
    return `The daemon answers ${answer.status}.`;
  }
}

async function read(body, take) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const data = block.split("\n").find((line) => line.startsWith("data: "));
      if (data) take(JSON.parse(data.slice(6)));
    }
  }
}
