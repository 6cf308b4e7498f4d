/**
 * Keys that work everywhere in the page. Each has a button or a link that does the same.
 */
import type { Channel } from "../protocol";
import { address } from "./address.svelte";
import type { App } from "./app.svelte";

const REGIONS = [".rooms", ".main", ".side", ".dock"];

export function handleKeys(event: KeyboardEvent, app: App, channels: readonly Channel[], current: Channel | null) {
  const { voice } = app.client;
  if (event.defaultPrevented || event.isComposing) return;

  if ((event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey && event.code === "KeyK") {
    event.preventDefault();
    app.jumping = !app.jumping;
    return;
  }
  // Over the page lies a layer with keys of its own.
  if (app.jumping) return;
  // On some keyboards the stroke is above a digit.
  if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key === "/") {
    event.preventDefault();
    if (app.sheet?.name === "keys") app.closeSheet();
    else if (app.sheet === null) app.openSheet({ name: "keys" });
    return;
  }
  if ((event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey && event.code === "KeyI") {
    event.preventDefault();
    app.toggleInbox();
    return;
  }
  // A dialog or a menu over the page closes first, by itself.
  if (event.key === "Escape" && app.inboxOpen && app.sheet === null && !document.querySelector(":popover-open")) {
    event.preventDefault();
    app.closeInbox();
    return;
  }
  if (event.key === "Escape" && app.sideOver) {
    event.preventDefault();
    app.sideOver = false;
    return;
  }
  if (event.key === "F6") {
    event.preventDefault();
    walkRegions(event.shiftKey ? -1 : 1);
    return;
  }
  if ((event.ctrlKey || event.metaKey) && event.shiftKey && !event.altKey && voice.state.name !== "idle") {
    switch (event.code) {
      case "KeyM":
        event.preventDefault();
        voice.setMuted(!voice.muted);
        return;
      case "KeyD":
        event.preventDefault();
        voice.setDeafened(!voice.deafened);
        return;
      case "KeyH":
        event.preventDefault();
        voice.leave();
        return;
    }
  }
  if (event.altKey && !event.ctrlKey && !event.metaKey && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
    const { store } = app.client;
    const isNew = (one: Channel) => store.unread.has(one.id) && store.involvement(one.id) !== "nothing";
    const among = event.shiftKey ? channels.filter((one) => isNew(one) || one === current) : channels;
    const index = among.findIndex((one) => one === current);
    const next = among[(index + (event.key === "ArrowUp" ? -1 : 1) + among.length) % among.length];
    if (!next) return;
    event.preventDefault();
    address.go({ page: "channel", slug: next.slug });
  }
}

function walkRegions(step: 1 | -1) {
  const regions = REGIONS.map((selector) => document.querySelector<HTMLElement>(selector)).filter(
    (region): region is HTMLElement => region !== null && region.checkVisibility() && !region.inert,
  );
  const at = regions.findIndex((region) => region.contains(document.activeElement));
  const next = regions[(at + step + regions.length) % regions.length];
  const target = next?.querySelector<HTMLElement>(
    next.matches(".main") ? "textarea, button, a[href]" : "button:not(:disabled), a[href], [tabindex]",
  );
  target?.focus();
}
