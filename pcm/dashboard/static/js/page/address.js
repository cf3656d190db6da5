/** What the page shows, kept in the part of its address behind the #: so that "back" goes back. */

/**
 * @typedef {object} Address
 * @property {string} run
 * @property {string} tab
 * @property {number | null} at The moment that is replayed; null: now, or the end.
 * @property {string} open What the panel shows, `worker:NAME` and the like; "" for nothing.
 * @property {string} find A search or filter that a link sets in the tab it leads to.
 */

/** @returns {Address} */
export function read() {
  const given = new URLSearchParams(location.hash.replace(/^#/, ""));
  const at = Number(given.get("at"));
  return {
    run: given.get("run") ?? "",
    tab: given.get("tab") ?? "overview",
    at: given.get("at") && Number.isFinite(at) ? at : null,
    open: given.get("open") ?? "",
    find: given.get("find") ?? "",
  };
}

/** The address with changes. @param {Partial<Address>} changes */
export function link(changes) {
  const next = { ...read(), ...changes };
  const words = new URLSearchParams();
  for (const [name, value] of Object.entries(next)) {
    if (value !== "" && value !== null)
      words.set(name, name === "at" ? Number(value).toFixed(2) : String(value));
  }
  return `#${words}`;
}

/**
 * Go there. `quietly` leaves no step for "back": for what changes many times a second.
 * @param {Partial<Address>} changes
 */
export function go(changes, quietly = false) {
  const next = link(changes);
  if (next === location.hash) return;
  if (quietly) history.replaceState(null, "", next);
  else history.pushState(null, "", next);
  window.dispatchEvent(new Event("address"));
}

/** @param {() => void} listener */
export function onChange(listener) {
  for (const event of ["address", "popstate", "hashchange"])
    window.addEventListener(event, listener);
}
