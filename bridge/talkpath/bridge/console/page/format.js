// Numbers and times for people.

export function duration(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const parts = [Math.floor(whole / 60) % 60, whole % 60].map((part) => String(part).padStart(2, "0"));
  const hours = Math.floor(whole / 3600);
  return (hours ? [hours, ...parts] : parts).join(":");
}

export function since(moment, now = Date.now()) {
  return duration((now - Date.parse(moment)) / 1000);
}

export function time(moment) {
  return new Date(moment).toLocaleTimeString();
}

export function date(moment) {
  return new Date(moment).toLocaleString(undefined, { dateStyle: "short", timeStyle: "medium" });
}

export function milliseconds(value) {
  return value === null || value === undefined ? "" : `${Math.round(value)} ms`;
}

export function fixed(value, digits, unit = "") {
  return value === null || value === undefined ? "" : `${value.toFixed(digits)}${unit}`;
}

export function plain(word) {
  return (word ?? "").replaceAll("_", " ");
}

// Levels in dBov as a share of the bar: what is below -60 is silence.
export function share(level) {
  return Math.min(1, Math.max(0, (level + 60) / 60));
}

const TONES = {
  listening: "good",
  talking: "good",
  completed: "good",
  transferred: "good",
  asking: "warn",
  recovering: "warn",
  held: "warn",
  fallback: "bad",
  refused: "warn",
  abandoned: "warn",
  failed: "bad",
};

export function tone(word) {
  return TONES[word] ?? "";
}
