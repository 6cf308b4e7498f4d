/**
 * Addresses of pages. Pure: the address bar itself is the view's affair.
 */
import type { MessageId } from "./protocol";

export type Route =
  /** The rooms; on wide frames with the channel last read beside them. */
  | { page: "home" }
  /** With a message: that one is shown, wherever in the channel it stands. */
  | { page: "channel"; slug: string; message?: MessageId }
  | { page: "door" }
  | { page: "setup"; token: string }
  /** One's own settings, and those of the house; without a part the list of parts, which on wide frames shows the first. */
  | { page: "settings"; part: SettingsPart | null }
  | { page: "forgotten" }
  | { page: "reset"; token: string }
  | { page: "confirm"; token: string };

export const SETTINGS = ["profile", "voice", "notifications", "sign-in", "devices"] as const;
/** What concerns the whole house; for admins. */
export const ADMINISTRATION = ["people", "channels", "groups", "server", "audit"] as const;
export type AdministrationPart = (typeof ADMINISTRATION)[number];
export type SettingsPart = (typeof SETTINGS)[number] | AdministrationPart;

export function isAdministration(part: SettingsPart | null): part is AdministrationPart {
  return ADMINISTRATION.some((one) => one === part);
}

/** Pages for who is not signed in, or forgot how. */
export function isLink(page: Route["page"]): boolean {
  return page === "forgotten" || page === "reset" || page === "confirm";
}

export function parseRoute(path: string): Route {
  const [first, second, ...rest] = path.split("/").filter((part) => part !== "");
  const [third] = rest;
  if (first === "c" && second !== undefined && third !== undefined && rest.length === 1) {
    return { page: "channel", slug: decode(second), message: decode(third) };
  }
  if (rest.length === 0 && second !== undefined) {
    if (first === "c") return { page: "channel", slug: decode(second) };
    if (first === "setup") return { page: "setup", token: decode(second) };
    if (first === "reset") return { page: "reset", token: decode(second) };
    if (first === "confirm") return { page: "confirm", token: decode(second) };
    const part = SETTINGS.find((one) => one === second);
    if (first === "settings" && part !== undefined) return { page: "settings", part };
    const administration = ADMINISTRATION.find((one) => one === second);
    if (first === "admin" && administration !== undefined) return { page: "settings", part: administration };
  }
  if (first === "in" && second === undefined) return { page: "door" };
  if (first === "forgotten" && second === undefined) return { page: "forgotten" };
  if (first === "settings" && second === undefined) return { page: "settings", part: null };
  return { page: "home" };
}

export function pathOf(route: Route): string {
  switch (route.page) {
    case "home":
      return "/";
    case "channel":
      return `/c/${encodeURIComponent(route.slug)}${route.message === undefined ? "" : `/${encodeURIComponent(route.message)}`}`;
    case "door":
      return "/in";
    case "setup":
    case "reset":
    case "confirm":
      return `/${route.page}/${encodeURIComponent(route.token)}`;
    case "settings":
      if (route.part === null) return "/settings";
      return isAdministration(route.part) ? `/admin/${route.part}` : `/settings/${route.part}`;
    case "forgotten":
      return "/forgotten";
  }
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
