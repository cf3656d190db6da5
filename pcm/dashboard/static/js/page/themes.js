/** Light, dark, or as the system has it. */
import { h, say } from "./elements.js";

const NAMES = { system: "Theme: system", light: "Theme: light", dark: "Theme: dark" };

export function themeSwitch() {
  const root = document.documentElement;
  const button = h(
    "button",
    { type: "button", class: "quiet" },
    NAMES[root.dataset.theme ?? "system"],
  );
  button.addEventListener("click", () => {
    const order = Object.keys(NAMES);
    const next = order[(order.indexOf(root.dataset.theme ?? "system") + 1) % order.length];
    if (next === "system") delete root.dataset.theme;
    else root.dataset.theme = next;
    try {
      localStorage.setItem("pcm.theme", next);
    } catch {
      // No storage here: it lasts as long as the page.
    }
    say(button, NAMES[next]);
    window.dispatchEvent(new Event("theme"));
  });
  return button;
}

/** Calls when the colours become others, whoever changed them. */
export function onTheme(listener) {
  window.addEventListener("theme", listener);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", listener);
}

/** The colours that a canvas needs, as the style sheets say now. @param {string[]} names */
export function colours(names) {
  const probe = document.body.appendChild(h("span", { hidden: true }));
  const found = {};
  for (const name of names) {
    probe.style.color = `var(--${name})`;
    found[name] = getComputedStyle(probe).color;
  }
  probe.remove();
  return found;
}
