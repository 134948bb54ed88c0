// The place of the test phone. Its program belongs to the phone's own page; where the daemon serves none, there
// is no phone here either.

const PAGE = new URL("../phone/", import.meta.url);

// Returns what mount returns, or nothing.
export async function mountPhone(element, link, api, desk) {
  link.hidden = true;
  if (desk.role !== "operate" || !desk.phone) return null;
  try {
    const { mount } = await import(new URL("phone.js", PAGE));
    const style = document.createElement("link");
    style.rel = "stylesheet";
    style.href = new URL("phone.css", PAGE);
    document.head.append(style);
    const place = document.createElement("div");
    element.replaceChildren(place);
    const phone = mount(place, { token: api.token, agent: desk.agents[0] });
    link.hidden = false;
    return phone;
  } catch {
    element.replaceChildren();
    return null;
  }
}
