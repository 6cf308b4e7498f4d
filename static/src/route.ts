/**
 * Addresses of pages. Pure: the address bar itself is the view's affair.
 */

export type Route =
  /** The rooms; on wide frames with the channel last read beside them. */
  | { page: "home" }
  | { page: "channel"; slug: string }
  | { page: "door" }
  | { page: "setup"; token: string };

export function parseRoute(path: string): Route {
  const [first, second, ...rest] = path.split("/").filter((part) => part !== "");
  if (rest.length === 0 && second !== undefined) {
    if (first === "c") return { page: "channel", slug: decode(second) };
    if (first === "setup") return { page: "setup", token: decode(second) };
  }
  if (first === "in" && second === undefined) return { page: "door" };
  return { page: "home" };
}

export function pathOf(route: Route): string {
  switch (route.page) {
    case "home":
      return "/";
    case "channel":
      return `/c/${encodeURIComponent(route.slug)}`;
    case "door":
      return "/in";
    case "setup":
      return `/setup/${encodeURIComponent(route.token)}`;
  }
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
