import { expect, it } from "vitest";
import { parseRoute, pathOf } from "./route";

it("knows its addresses, there and back", () => {
  for (const path of ["/", "/in", "/c/build-log", "/setup/abc123", "/reset/abc", "/confirm/abc", "/forgotten", "/settings", "/settings/devices", "/admin/people", "/admin/groups", "/admin/server", "/admin/audit"]) expect(pathOf(parseRoute(path))).toBe(path);
  expect(parseRoute("/c/build-log/")).toEqual({ page: "channel", slug: "build-log" });
  expect(parseRoute("/c/build-log/0198-ab")).toEqual({ page: "channel", slug: "build-log", message: "0198-ab" });
  expect(pathOf({ page: "channel", slug: "build-log", message: "0198-ab" })).toBe("/c/build-log/0198-ab");
});

it("takes anything else for the rooms", () => {
  for (const path of ["", "/c", "/c/a/b/c", "/nowhere", "/in/x", "/setup", "/reset", "/settings/nothing", "/settings/people", "/admin", "/admin/profile", "/forgotten/x"]) expect(parseRoute(path)).toEqual({ page: "home" });
});

it("does not break on a bad escape", () => {
  expect(parseRoute("/c/%E0%A4%A")).toEqual({ page: "channel", slug: "%E0%A4%A" });
});
