import { afterEach, expect, it, vi } from "vitest";
import { ApiError, ask, askIfThere, segment, sentence } from "./api";

afterEach(() => vi.unstubAllGlobals());

function answering(answer: () => Response | Promise<Response>) {
  const fetching = vi.fn(async (_address: string, _init: RequestInit) => answer());
  vi.stubGlobal("document", { baseURI: "http://airflow/mounted/here/" });
  vi.stubGlobal("fetch", fetching);
  return fetching;
}

it("asks below where Airflow is mounted, with the visitor's cookie", async () => {
  const fetching = answering(() => Response.json({ a: 1 }));
  expect(await ask(`dags/${segment("a/b")}`, { method: "POST", body: { conf: {} } })).toEqual({ a: 1 });
  const [address, init] = fetching.mock.calls[0] ?? [];
  expect(address).toBe("http://airflow/mounted/here/api/v2/dags/a%2Fb");
  expect(init).toMatchObject({ method: "POST", credentials: "same-origin", body: '{"conf":{}}' });
});

it.each([
  [401, "Log in again", false],
  [403, "permission", false],
  [404, "does not have", false],
  [400, "refused", false],
  [429, "too often", true],
  [500, "failed (500)", true],
  [503, "failed (503)", true],
])("an answer %i is told in words", async (status, words, passes) => {
  answering(() => Response.json({ detail: "why" }, { status }));
  const error = await ask("x").catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(ApiError);
  expect(error).toMatchObject({ status, passes });
  expect((error as ApiError).message).toContain(words);
});

it("the network may be gone, and a proxy may answer", async () => {
  answering(() => Promise.reject(new TypeError("Failed to fetch")));
  await expect(ask("x")).rejects.toMatchObject({ status: 0, passes: true });
  answering(() => new Response("<html>", { status: 200 }));
  await expect(ask("x")).rejects.toThrow("not JSON");
  answering(() => new Response("<html>", { status: 502 }));
  await expect(ask("x")).rejects.toMatchObject({ status: 502 });
});

it("what is not there may be fine", async () => {
  answering(() => Response.json({}, { status: 404 }));
  expect(await askIfThere("x")).toBeNull();
  answering(() => Response.json({}, { status: 403 }));
  await expect(askIfThere("x")).rejects.toMatchObject({ status: 403 });
});

it("details stay short", async () => {
  answering(() => Response.json({ detail: "x".repeat(9999) }, { status: 400 }));
  await expect(ask("x")).rejects.toSatisfy((error) => (error as Error).message.length < 400);
  expect(sentence(400, "")).not.toContain("answer:");
});
