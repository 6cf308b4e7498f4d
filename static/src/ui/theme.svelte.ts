/**
 * Dark, light, or as the system says. One attribute on the root decides it; tokens.css does the rest.
 */
import { recall, remember } from "../memory";

export type Theme = "system" | "dark" | "light";

class ThemeChoice {
  private chosen = $state<Theme>(read());

  constructor() {
    show(this.chosen);
  }

  get current(): Theme {
    return this.chosen;
  }

  set current(theme: Theme) {
    this.chosen = theme;
    remember("theme", theme === "system" ? null : theme);
    show(theme);
  }
}

export const theme = new ThemeChoice();

function read(): Theme {
  const stored = recall("theme");
  return stored === "dark" || stored === "light" ? stored : "system";
}

function show(theme: Theme) {
  if (theme === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme;
}
