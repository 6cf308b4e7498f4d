/**
 * The address bar as a value that views can read and change.
 */
import { parseRoute, pathOf, type Route } from "../route";

class Address {
  private current = $state.raw<Route>(parseRoute(location.pathname));

  constructor() {
    addEventListener("popstate", () => {
      this.current = parseRoute(location.pathname);
    });
  }

  get route(): Route {
    return this.current;
  }

  go(route: Route) {
    if (pathOf(route) === location.pathname) return;
    history.pushState(null, "", pathOf(route));
    this.current = route;
  }

  /** Like `go`, but the way back does not come here again. */
  replace(route: Route) {
    history.replaceState(null, "", pathOf(route));
    this.current = route;
  }

  /** For links: a plain press stays in the page, a press with a key opens a new tab as everywhere. */
  follow(event: MouseEvent, route: Route) {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    this.go(route);
  }
}

export const address = new Address();
