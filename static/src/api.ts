/**
 * The few plain HTTP requests: those that set the session cookie or come before there is one.
 *
 * Must not know: what is done with the answers.
 */
import type { ErrorCode, Refusal, Register, Registered, ServerInfo, SignIn, SignedIn } from "./protocol";

/** A sign-in behind a busy password hash takes a second; more than this and nobody is there. */
const PATIENCE_MS = 15_000;

/** Why a request was refused, or `unreachable`. */
export class ApiError extends Error {
  constructor(
    readonly code: ErrorCode | "unreachable",
    detail: string,
  ) {
    super(detail);
    this.name = "ApiError";
  }
}

export interface Api {
  server(): Promise<ServerInfo>;
  register(form: Register): Promise<Registered>;
  setup(form: Register): Promise<Registered>;
  signIn(form: SignIn): Promise<SignedIn>;
  signOut(): Promise<void>;
}

export const api: Api = {
  server: () => call("GET", "/api/server"),
  register: (form) => call("POST", "/api/accounts", form),
  setup: (form) => call("POST", "/api/setup", form),
  signIn: (form) => call("POST", "/api/session", form),
  signOut: () => call("DELETE", "/api/session"),
};

/** One request; the rest of the account's are in `account.ts`. */
export async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(path, {
      method,
      credentials: "same-origin",
      cache: "no-store",
      signal: AbortSignal.timeout(PATIENCE_MS),
      ...(body === undefined ? {} : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
    });
    text = await response.text();
  } catch (error) {
    throw new ApiError("unreachable", String(error));
  }
  if (!response.ok) throw refused(response.status, text);
  try {
    return (text === "" ? undefined : JSON.parse(text)) as T;
  } catch {
    throw new ApiError("internal", `${path} answered something that is not JSON`);
  }
}

function refused(status: number, text: string): ApiError {
  try {
    const { error } = JSON.parse(text) as { error: Refusal };
    return new ApiError(error.code, error.message);
  } catch {
    // A proxy in between answers in its own words; a gateway error means that our server is away.
    return new ApiError(status >= 502 && status <= 504 ? "unreachable" : "internal", `status ${status}`);
  }
}
