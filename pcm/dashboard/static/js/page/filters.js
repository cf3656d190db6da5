/** Fields above a table that say what of it is wanted. */
import { h } from "./elements.js";

const PAUSE_MS = 250;

/** A field for words; calls when typing pauses. */
export function searchField(label, hint, onChange) {
  let timer = 0;
  const field = h("input", {
    type: "search",
    placeholder: hint,
    "aria-label": label,
    autocomplete: "off",
    spellcheck: "false",
  });
  field.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(onChange, PAUSE_MS);
  });
  return field;
}

/** A choice of one. @param {Record<string, string>} choices What is shown, by value. */
export function choiceField(label, choices, onChange) {
  const options = Object.entries(choices).map(([value, text]) => h("option", { value }, text));
  return h("select", { "aria-label": label, on: { change: onChange } }, options);
}

/** Buttons of which each is on or off. @param {Record<string, string>} choices */
export function toggles(label, choices, onChange) {
  const buttons = Object.entries(choices).map(([value, text]) => {
    const click = (event) => {
      const on = event.currentTarget.getAttribute("aria-pressed") === "true";
      event.currentTarget.setAttribute("aria-pressed", String(!on));
      onChange();
    };
    return h(
      "button",
      { type: "button", "data-value": value, "aria-pressed": "false", on: { click } },
      text,
    );
  });
  const element = h("div", { class: "toggles", role: "group", "aria-label": label }, buttons);
  return {
    element,
    chosen: () =>
      buttons
        .filter((one) => one.getAttribute("aria-pressed") === "true")
        .map((one) => one.dataset.value),
    choose: (values) =>
      buttons.forEach((one) =>
        one.setAttribute("aria-pressed", String(values.includes(one.dataset.value))),
      ),
  };
}
