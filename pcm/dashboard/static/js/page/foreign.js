/**
 * Texts that others wrote: items, errors, tracebacks, names of workers. They are shown as they are
 * and do nothing: markup is text, what cannot be seen is made visible, and what is long is cut.
 */
import { h } from "./elements.js";
import { count } from "./words.js";

const SHOWN_CHARACTERS = 4000;
const SHOWN_LINES = 60;
const IN_LINE_CHARACTERS = 240;
const MOST_MARKS = 2000;

// Controls but newline and tab, marks of direction, spaces without width, line and paragraph
// separators, the byte order mark, and halves of surrogate pairs.
const UNSEEN =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]|\udb40[\udc00-\udc7f]/g;

/** How a character that cannot be seen is written: as Python writes it, `\x1b`, `\u202e`. */
function visible(character) {
  const code = /** @type {number} */ (character.codePointAt(0));
  const [letter, digits] = code < 0x100 ? ["x", 2] : code < 0x10000 ? ["u", 4] : ["U", 8];
  return `\\${letter}${code.toString(16).padStart(digits, "0")}`;
}

/** A text without anything that cannot be seen, for attributes and for canvases. */
export function plain(text, most = IN_LINE_CHARACTERS) {
  const cut = text.length > most ? `${text.slice(0, most)}…` : text;
  return cut.replace(UNSEEN, visible).replace(/[\n\t]/g, " ");
}

/** Nodes of a text; what was made visible is marked. @returns {(string | HTMLElement)[]} */
function marked(text) {
  const parts = [];
  let from = 0;
  // What is made of little else is shown without marks: elements by the million stop a browser.
  if ((text.match(UNSEEN) ?? []).length > MOST_MARKS) return [text.replace(UNSEEN, visible)];
  for (const found of text.matchAll(UNSEEN)) {
    if (found.index > from) parts.push(text.slice(from, found.index));
    parts.push(h("span", { class: "unseen" }, visible(found[0])));
    from = found.index + found[0].length;
  }
  parts.push(text.slice(from));
  return parts;
}

/** One line of a foreign text, for tables. */
export function line(text, most = IN_LINE_CHARACTERS) {
  const cut = text.length > most;
  const first = (cut ? text.slice(0, most) : text).replace(/[\n\t]+/g, " ");
  return h("bdi", { class: "foreign" }, marked(first), cut && "…");
}

/** A foreign text with its lines; a long one ends with a button that shows the rest. */
export function block(text, label) {
  const lines = text.split("\n");
  let head = lines.slice(0, SHOWN_LINES).join("\n");
  if (head.length > SHOWN_CHARACTERS) head = head.slice(0, SHOWN_CHARACTERS);
  const pre = h(
    "pre",
    { class: "foreign", tabindex: 0, role: "region", "aria-label": label, dir: "ltr" },
    marked(head),
  );
  if (head.length === text.length) return pre;
  const more = h(
    "button",
    { type: "button", class: "quiet" },
    `Show all ${count(text.length)} characters`,
  );
  more.addEventListener("click", () => {
    pre.replaceChildren(...marked(text));
    more.remove();
    pre.focus();
  });
  return h("div", {}, pre, more);
}
