/** Elements of the page. Texts become text nodes and nothing else, whatever they contain. */

const SVG = "http://www.w3.org/2000/svg";

/** @typedef {Node | string | number | null | undefined | false} Child */

/**
 * An HTML element. `on` holds listeners, everything else attributes; `true` is an empty attribute,
 * and null, undefined and false leave it out.
 * @param {string} tag
 * @param {Record<string, any>} [attributes]
 * @param {...(Child | Child[])} children
 * @returns {any}
 */
export function h(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** The same for SVG. @returns {any} */
export function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "on") {
      for (const [event, listener] of Object.entries(value))
        element.addEventListener(event, listener);
    } else if (value !== null && value !== undefined && value !== false) {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
  element.append(...nodes(children));
  return element;
}

/** @param {any[]} children @returns {(Node | string)[]} */
function nodes(children) {
  return children
    .flat(3)
    .filter((child) => child !== null && child !== undefined && child !== false)
    .map((child) => (child instanceof Node ? child : String(child)));
}

/** Put these children in place of all that an element has. */
export function fill(element, ...children) {
  element.replaceChildren(...nodes(children));
  return element;
}

/** Set a text only if it is another one, so that selections and screen readers are left in peace. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
  return element;
}

/**
 * Make an element's children those of `fresh`, keeping the ones that are equal: focus, selection and
 * scrolling stay where they are.
 */
export function patch(element, fresh) {
  const next = nodes(fresh);
  for (const [place, node] of next.entries()) {
    const old = element.childNodes[place];
    const wanted = typeof node === "string" ? document.createTextNode(node) : node;
    if (!old) element.append(wanted);
    else if (!old.isEqualNode(wanted)) old.replaceWith(wanted);
  }
  while (element.childNodes.length > next.length) element.lastChild.remove();
}

/** Which row an element was made for. @type {WeakMap<Element, string>} */
const KEYS = new WeakMap();

/**
 * One child per row, in the order of the rows; those whose key stays are kept and updated.
 * @template R
 * @param {HTMLElement} parent
 * @param {R[]} rows
 * @param {(row: R) => string} key
 * @param {(row: R) => HTMLElement} make
 * @param {(element: HTMLElement, row: R) => void} update
 */
export function keyed(parent, rows, key, make, update) {
  const children = /** @type {HTMLElement[]} */ ([...parent.children]);
  const old = new Map(children.map((child) => [KEYS.get(child), child]));
  let before = parent.firstElementChild;
  for (const row of rows) {
    const name = key(row);
    let element = old.get(name);
    if (element) old.delete(name);
    else {
      element = make(row);
      KEYS.set(element, name);
    }
    update(element, row);
    if (element === before) before = before.nextElementSibling;
    else parent.insertBefore(element, before);
  }
  for (const gone of old.values()) gone.remove();
}
