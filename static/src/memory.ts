/**
 * What this browser remembers between visits. Never anything secret, and nothing that must not be lost.
 */

const PREFIX = "cromulent.";

/** Null when nothing is remembered or the browser forbids remembering. */
export function recall(key: string): string | null {
  try {
    return localStorage.getItem(PREFIX + key);
  } catch {
    return null;
  }
}

export function remember(key: string, value: string | null) {
  try {
    if (value === null) localStorage.removeItem(PREFIX + key);
    else localStorage.setItem(PREFIX + key, value);
  } catch {
    // Private windows and full disks: the page works without.
  }
}

/** Forgets everything whose key begins like this. */
export function forget(prefix: string) {
  try {
    for (const key of Object.keys(localStorage)) if (key.startsWith(PREFIX + prefix)) localStorage.removeItem(key);
  } catch {
    // As above.
  }
}
