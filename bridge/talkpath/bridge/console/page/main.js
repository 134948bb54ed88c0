// The console: asks for the token, listens to the events, shows one view at a time.

import { Api } from "./api.js";
import { write } from "./dom.js";
import { LiveView } from "./live.js";
import { mountPhone } from "./phone.js";
import { RecentView } from "./recent.js";
import { Store } from "./store.js";
import { SystemView } from "./system.js";

const KEPT = "talkpath-token"; // the page of the phone uses the same
const HEALTH_EVERY = 5000;
const TOAST = 5000;
const VIEWS = ["live", "recent", "phone", "system"];
const byId = (id) => document.getElementById(id);
let running = null;

class Console {
  constructor(api, desk) {
    this.api = api;
    this.store = new Store();
    this.context = { api, desk, store: this.store, tell: (work, done) => this.tell(work, done) };
    this.views = {
      live: new LiveView(byId("live"), this.context),
      recent: new RecentView(byId("recent"), this.context),
      system: new SystemView(byId("system"), this.context),
    };
    this.connected = false;
    this.health = null;
    this.drawn = false;
    this.route = () => this.show();
    addEventListener("hashchange", this.route);
    this.stop = api.listen((event) => this.take(event), (on, error) => this.stream(on, error));
    this.timers = [setInterval(() => this.look(), HEALTH_EVERY), setInterval(() => this.draw(), 1000)];
    this.phone = mountPhone(byId("phone"), byId("phone-link"), api, desk);
    this.look();
    this.show();
  }

  close() {
    this.stop();
    this.timers.forEach(clearInterval);
    removeEventListener("hashchange", this.route);
    this.views.live.drop();
    this.views.recent.close();
    this.phone.then((phone) => phone?.destroy());
  }

  take(event) {
    this.store.take(event);
    this.draw();
  }

  stream(on, error) {
    this.connected = on;
    if (error) ask(error.message);
    else this.draw();
  }

  async look() {
    try {
      this.health = await this.api.get("health");
    } catch {
      this.health = null;
    }
    this.draw();
  }

  // Draws at most once per frame, whatever comes in.
  draw() {
    if (this.drawn) return;
    this.drawn = true;
    requestAnimationFrame(() => {
      this.drawn = false;
      if (running !== this) return;
      if (this.view === "live") this.views.live.render();
      if (this.view === "system") this.views.system.render(this.health);
      this.status();
    });
  }

  status() {
    const place = byId("status");
    const live = this.store.live().length;
    const calls = `${live} ${live === 1 ? "call" : "calls"}`;
    const well = this.connected && this.health?.ok;
    place.dataset.state = well ? "good" : "bad";
    if (!this.connected) write(place, "Not connected; trying again");
    else if (this.health?.draining) write(place, `${calls} · draining`);
    else if (this.health) write(place, `${calls} · ${this.health.ok ? `${this.health.free_lanes} lanes free` : this.health.problems[0]}`);
    else write(place, calls);
    document.title = live ? `(${live}) Talkpath console` : "Talkpath console";
  }

  show() {
    const [name, part] = location.hash.slice(1).split("/");
    this.view = VIEWS.includes(name) ? name : "live";
    for (const view of VIEWS) byId(view).hidden = view !== this.view;
    for (const link of byId("views").children) {
      if (link.hash === `#${this.view}`) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    if (this.view === "recent") this.views.recent.open(part ? decodeURIComponent(part) : "");
    this.draw();
  }

  // Waits for a request and says how it went; returns its answer, or false.
  async tell(work, done) {
    try {
      const answer = await work;
      if (done) toast(done);
      return answer ?? true;
    } catch (error) {
      toast(error.message);
      return false;
    }
  }
}

let toastTimer = 0;
function toast(text) {
  clearTimeout(toastTimer);
  write(byId("toast"), text);
  toastTimer = setTimeout(() => write(byId("toast"), ""), TOAST);
}

function ask(reason) {
  running?.close();
  running = null;
  sessionStorage.removeItem(KEPT);
  for (const view of VIEWS) {
    byId(view).hidden = true;
    byId(view).replaceChildren();
  }
  byId("views").hidden = byId("leave").hidden = true;
  byId("entry").hidden = false;
  write(byId("status"), "");
  write(byId("refusal"), reason);
  byId("token").value = "";
  byId("token").focus();
}

async function open(token) {
  const api = new Api(token);
  try {
    const desk = await api.get("desk");
    sessionStorage.setItem(KEPT, token);
    byId("entry").hidden = true;
    byId("views").hidden = byId("leave").hidden = false;
    byId("leave").title = `${desk.name}, may ${desk.role}`;
    running = new Console(api, desk);
  } catch (error) {
    ask(error.message);
  }
}

byId("entry").addEventListener("submit", (event) => {
  event.preventDefault();
  write(byId("refusal"), "");
  open(byId("token").value.trim());
});
byId("leave").addEventListener("click", () => ask(""));

const kept = sessionStorage.getItem(KEPT);
if (kept) open(kept);
else ask("");
