/** The row of views: links with the state of each behind its name; arrows move along it. */
import { go, link } from "./address.js";
import { h, say } from "./elements.js";

export const TABS = {
  overview: "Overview",
  workers: "Workers",
  contexts: "Contexts",
  items: "Items",
  glideins: "Glideins",
  findings: "Findings",
  events: "Events",
};

export class Tabs {
  /** @param {HTMLElement} nav */
  constructor(nav) {
    this.links = Object.entries(TABS).map(([tab, name]) =>
      h("a", { "data-tab": tab, href: "#" }, name, h("span", { class: "badge", hidden: true })),
    );
    nav.append(...this.links);
    nav.addEventListener("click", (event) => {
      const to = event.target instanceof Element ? event.target.closest("a") : null;
      if (!to || event.metaKey || event.ctrlKey || event.shiftKey) return;
      event.preventDefault();
      go({ tab: to.dataset.tab, open: "", find: "" });
    });
    nav.addEventListener("keydown", (event) => this.move(event));
  }

  move(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const place = this.links.indexOf(document.activeElement);
    if (!step || place < 0) return;
    event.preventDefault();
    const next = this.links[(place + step + this.links.length) % this.links.length];
    next.focus();
    next.click();
  }

  show(tab) {
    for (const one of this.links) {
      one.setAttribute("href", link({ tab: one.dataset.tab, open: "", find: "" }));
      if (one.dataset.tab === tab) {
        one.setAttribute("aria-current", "page");
        one.scrollIntoView({ block: "nearest", inline: "nearest" });
      } else one.removeAttribute("aria-current");
    }
  }

  /** How many things a tab has that want looking at, and how bad the worst is. */
  mark(tab, number, grade) {
    const badge = this.links.find((one) => one.dataset.tab === tab)?.lastElementChild;
    if (!badge) return;
    badge.hidden = !number;
    badge.className = `badge ${grade}`;
    say(badge, number ? String(number) : "");
    badge.setAttribute("aria-label", number ? `${number} to look at` : "");
  }
}
