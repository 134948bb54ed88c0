// Builds elements. Text is always text: nothing here, or anywhere on this page, reads a string as HTML.

// h("button", { type: "button", onclick, class: "x", data: { who } }, "text", child, …)
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "data") Object.assign(element.dataset, value);
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

// Writes text only when it differs, so that screen readers and selections are left alone.
export function write(element, text) {
  const wanted = text ?? "";
  if (element.textContent !== String(wanted)) element.textContent = wanted;
}

// Keeps one child per key: makes what is new, updates all, removes what is gone, in the order of the items.
export class Keyed {
  constructor(parent, make) {
    this.parent = parent;
    this.make = make;
    this.parts = new Map();
  }

  show(items, keyOf) {
    const seen = new Set();
    let place = this.parent.firstElementChild;
    for (const item of items) {
      const key = keyOf(item);
      seen.add(key);
      let part = this.parts.get(key);
      if (!part) {
        part = this.make(item);
        this.parts.set(key, part);
      }
      part.update(item);
      if (part.element === place) place = place.nextElementSibling;
      else this.parent.insertBefore(part.element, place);
    }
    for (const [key, part] of this.parts) {
      if (seen.has(key)) continue;
      part.element.remove();
      this.parts.delete(key);
    }
  }
}

// A button that does something final: the first press asks, the second does.
export function sureButton(label, question, action) {
  const button = h("button", { type: "button", class: "danger" }, label);
  let timer = 0;
  const calm = () => {
    clearTimeout(timer);
    delete button.dataset.sure;
    write(button, label);
  };
  button.addEventListener("click", () => {
    if (button.dataset.sure === undefined) {
      button.dataset.sure = "";
      write(button, question);
      timer = setTimeout(calm, 4000);
    } else {
      calm();
      action();
    }
  });
  button.addEventListener("blur", calm);
  return button;
}

// A button that is pressed in or not. Asks for the other state; update(on) shows the one that is.
export function toggleButton(label, ask) {
  const element = h("button", { type: "button", "aria-pressed": "false" }, label);
  element.addEventListener("click", () => ask(element.getAttribute("aria-pressed") !== "true"));
  return {
    element,
    update(on) {
      element.setAttribute("aria-pressed", String(Boolean(on)));
    },
  };
}

export function facts(pairs) {
  return h(
    "dl",
    { class: "facts" },
    pairs
      .filter(([, value]) => value !== "" && value !== null && value !== undefined)
      .map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, String(value)))),
  );
}
