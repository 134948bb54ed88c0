// The phone on a page of its own: asks for the token, then shows the phone.

import { mount } from "./phone.js";

const KEPT = "talkpath-token";
const entry = document.getElementById("entry");
const field = document.getElementById("token");
const refusal = document.getElementById("refusal");
const forget = document.getElementById("forget");
const place = document.getElementById("phone");
let phone = null;

function ask(reason) {
  phone?.destroy();
  phone = null;
  sessionStorage.removeItem(KEPT);
  refusal.textContent = reason;
  forget.hidden = true;
  entry.hidden = false;
  field.value = "";
  field.focus();
}

function show(token) {
  entry.hidden = true;
  forget.hidden = false;
  phone = mount(place, {
    token,
    ready: () => sessionStorage.setItem(KEPT, token),
    refused: (reason) => ask(reason),
  });
}

entry.addEventListener("submit", (event) => {
  event.preventDefault();
  refusal.textContent = "";
  show(field.value.trim());
});
forget.addEventListener("click", () => ask(""));

const kept = sessionStorage.getItem(KEPT);
if (kept) {
  show(kept);
} else {
  ask("");
}
