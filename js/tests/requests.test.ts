import { beforeEach, describe, expect, test } from "vitest";
import type { Model } from "../src/core/host";
import { keyOf, RequestError, Requests, Superseded } from "../src/core/requests";

type Callback = (...args: unknown[]) => void;
interface Sent {
  type: string;
  id: string;
  method: string;
  params: Record<string, unknown>;
}

/** A host in memory. What is sent waits in `sent` until the test answers it. */
class Host implements Model {
  sent: Sent[] = [];
  broken: Error | null = null;
  listeners = new Map<string, Set<Callback>>();
  constructor(
    readonly state: Record<string, unknown> = {},
    readonly isStatic = false,
  ) {}
  get(name: string) {
    return this.state[name];
  }
  set(name: string, value: unknown) {
    this.state[name] = value;
    this.emit(`change:${name}`);
  }
  save_changes() {}
  on(event: string, callback: Callback) {
    this.listeners.set(event, (this.listeners.get(event) ?? new Set()).add(callback));
  }
  off(event: string, callback: Callback) {
    this.listeners.get(event)?.delete(callback);
  }
  send(content: unknown) {
    if (this.broken) throw this.broken;
    this.sent.push(content as Sent);
  }
  emit(event: string, ...args: unknown[]) {
    for (const callback of this.listeners.get(event) ?? []) callback(...args);
  }
  answer(n: number, result: unknown, buffers: ArrayBufferView[] = []) {
    this.emit("msg:custom", { type: "answer", id: this.sent[n]!.id, result }, buffers);
  }
  refuse(n: number, error = { type: "InputError", message: "expected a, got b", fix: "Do c." }) {
    this.emit("msg:custom", { type: "answer", id: this.sent[n]!.id, error }, []);
  }
}

let host: Host;
let stop: AbortController;
let requests: Requests;

beforeEach(() => {
  host = new Host();
  stop = new AbortController();
  requests = new Requests(host, stop.signal);
});

/** How a promise stands now, after everything that was ready has run. */
async function stateOf(promise: Promise<unknown>): Promise<unknown> {
  const waiting = Symbol("waiting");
  const settled = promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  for (let i = 0; i < 20; i++) await Promise.resolve();
  const now = await Promise.race([settled, Promise.resolve(waiting)]);
  return now === waiting ? "waiting" : now;
}

describe("one answer", () => {
  test("a question goes out as a message and its answer comes back with buffers", async () => {
    const asked = requests.ask("rows", { layer: 1 });
    expect(host.sent).toEqual([
      { type: "request", id: expect.any(String), method: "rows", params: { layer: 1 } },
    ]);
    const values = { dtype: "uint8", shape: [2], codec: "raw", data: 0 };
    host.answer(0, { values, scale: 2 }, [new DataView(new Uint8Array([7, 8]).buffer)]);
    expect(await asked).toEqual({ values: { data: new Uint8Array([7, 8]), shape: [2] }, scale: 2 });
  });

  test("a failure brings its fix", async () => {
    const asked = requests.ask("rows", {});
    host.refuse(0);
    const error = await asked.catch((e: unknown) => e);
    expect(error).toBeInstanceOf(RequestError);
    expect((error as RequestError).failure).toEqual({
      type: "InputError",
      message: "expected a, got b",
      fix: "Do c.",
    });
  });

  test("a failure is not kept: the question may be asked again", async () => {
    const first = requests.ask("rows", {});
    host.refuse(0);
    await expect(first).rejects.toThrow();
    const second = requests.ask("rows", {});
    host.answer(1, "fine");
    expect(await second).toBe("fine");
  });

  test("an answer that cannot be read is a failure, and is asked for again", async () => {
    const first = requests.ask("rows", {});
    host.answer(0, { dtype: "uint8", shape: [1], codec: "raw", data: 3 });
    await expect(first).rejects.toThrow("no buffer 3");
    expect(requests.has("rows", {})).toBe(false);
    const second = requests.ask("rows", {});
    host.answer(1, "fine");
    expect(await second).toBe("fine");
  });

  test("a second answer to the same question is dropped", async () => {
    const asked = requests.ask("rows", {});
    host.answer(0, "first");
    host.answer(0, "second");
    expect(await asked).toBe("first");
    expect(await requests.ask("rows", {})).toBe("first");
  });

  test.each([
    [null],
    ["text"],
    [{}],
    [{ type: "answer" }],
    [{ type: "answer", id: "someone-else" }],
    [{ type: "other", id: 0 }],
  ])("%j is no answer", async (content) => {
    const asked = requests.ask("rows", {});
    host.emit("msg:custom", content, []);
    expect(await stateOf(asked)).toBe("waiting");
  });

  test("two views of one model keep their answers apart", async () => {
    const other = new Requests(host, stop.signal);
    const mine = requests.ask("rows", { layer: 1 });
    const theirs = other.ask("heads", { layer: 2 });
    expect(new Set(host.sent.map((s) => s.id)).size).toBe(2);
    host.answer(1, "heads of 2");
    expect(await stateOf(mine)).toBe("waiting");
    host.answer(0, "rows of 1");
    expect([await mine, await theirs]).toEqual(["rows of 1", "heads of 2"]);
  });

  test("a host that cannot send fails the question, and the next one can go", async () => {
    host.broken = new Error("no kernel");
    await expect(requests.ask("rows", { layer: 1 })).rejects.toThrow("no kernel");
    host.broken = null;
    const again = requests.ask("rows", { layer: 2 });
    host.answer(0, "fine");
    expect(await again).toBe("fine");
  });
});

describe("the newest wins", () => {
  test("one in flight, the newest waits, those between are dropped", async () => {
    const asked = [1, 2, 3, 4].map((layer) => requests.ask("rows", { layer }));
    expect(host.sent.map((s) => s.params.layer)).toEqual([1]);
    await expect(asked[1]).rejects.toBeInstanceOf(Superseded);
    await expect(asked[2]).rejects.toBeInstanceOf(Superseded);
    host.answer(0, "one");
    expect(host.sent.map((s) => s.params.layer)).toEqual([1, 4]);
    host.answer(1, "four");
    expect([await asked[0], await asked[3]]).toEqual(["one", "four"]);
  });

  test("what waits goes out also after a failure", async () => {
    const first = requests.ask("rows", { layer: 1 });
    const second = requests.ask("rows", { layer: 2 });
    host.refuse(0);
    await expect(first).rejects.toThrow();
    host.answer(1, "two");
    expect(await second).toBe("two");
  });

  test("lanes do not wait for each other", () => {
    requests.ask("rows", { layer: 1 });
    requests.ask("heads", { layer: 1 });
    requests.ask("rows", { layer: 1, window: 2 }, "detail");
    expect(host.sent).toHaveLength(3);
  });

  test("the same question while it flies is asked once and answered twice", async () => {
    const asked = [1, 2, 3].map(() => requests.ask("rows", { layer: 1, head: 2 }));
    asked.push(requests.ask("rows", { head: 2, layer: 1 }));
    expect(host.sent).toHaveLength(1);
    host.answer(0, "yes");
    expect(await Promise.all(asked)).toEqual(["yes", "yes", "yes", "yes"]);
  });

  test("the same question while it flies fails for both", async () => {
    const asked = [requests.ask("rows", {}), requests.ask("rows", {})];
    host.refuse(0);
    for (const one of asked) await expect(one).rejects.toBeInstanceOf(RequestError);
  });

  test("going back to what flies drops what waited", async () => {
    const first = requests.ask("rows", { layer: 1 });
    const second = requests.ask("rows", { layer: 2 });
    const again = requests.ask("rows", { layer: 1 });
    await expect(second).rejects.toBeInstanceOf(Superseded);
    host.answer(0, "one");
    expect([await first, await again]).toEqual(["one", "one"]);
    expect(host.sent).toHaveLength(1);
  });
});

describe("what is known is not asked", () => {
  test("an answer is kept", async () => {
    const first = requests.ask("rows", { layer: 1 });
    host.answer(0, "one");
    await first;
    expect(requests.has("rows", { layer: 1 })).toBe(true);
    expect(requests.has("rows", { layer: 2 })).toBe(false);
    expect(await requests.ask("rows", { layer: 1 })).toBe("one");
    expect(host.sent).toHaveLength(1);
  });

  test("only so many answers are kept, the oldest goes", async () => {
    for (let layer = 0; layer <= 512; layer++) {
      const asked = requests.ask("rows", { layer });
      host.answer(layer, layer);
      await asked;
    }
    expect([0, 1, 512].map((layer) => requests.has("rows", { layer }))).toEqual([false, true, true]);
  });

  test("answers that came with the page are found, also later ones", async () => {
    const recorded = (layer: number) => ({ method: "rows", params: { layer }, result: `row ${layer}` });
    const early = new Requests(new Host({ _answers: [recorded(1)] }), stop.signal);
    expect(await early.ask("rows", { layer: 1 })).toBe("row 1");
    host.set("_answers", [recorded(2)]);
    expect(await requests.ask("rows", { layer: 2 })).toBe("row 2");
    expect(host.sent).toHaveLength(0);
  });

  test("a static page knows what was recorded and says so of the rest", async () => {
    const page = new Host({ _answers: [{ method: "rows", params: { b: 2, a: 1 }, result: 3 }] }, true);
    const still = new Requests(page, stop.signal);
    expect(await still.ask("rows", { a: 1, b: 2 })).toBe(3);
    const error = await still.ask("rows", { a: 2 }).catch((e: unknown) => e);
    expect((error as RequestError).failure.message).toBe("this was not recorded in the page");
    expect((error as RequestError).failure.fix).toContain("notebook");
    expect(page.sent).toHaveLength(0);
  });
});

test("activity is told from the first question to the last answer", async () => {
  const told: (number | null)[] = [];
  requests.onActivity = (since) => told.push(since);
  requests.ask("rows", {});
  const refused = requests.ask("heads", {});
  host.answer(0, 1);
  host.refuse(1);
  await expect(refused).rejects.toThrow();
  expect(told.map((since) => since === null)).toEqual([false, false, false, true]);
  expect(told[1]).toBe(told[0]);
  expect(told[2]!).toBeGreaterThanOrEqual(told[1]!);
});

test("after the end nothing is heard and no listener is left", async () => {
  const asked = requests.ask("rows", {});
  stop.abort();
  host.answer(0, "late");
  expect(await stateOf(asked)).toBe("waiting");
  expect([...host.listeners.values()].every((callbacks) => callbacks.size === 0)).toBe(true);
});

test("a key does not depend on the order of parameters, only on their values", () => {
  expect(keyOf("m", { a: 1, b: null })).toBe(keyOf("m", { b: null, a: 1 }));
  const others = [keyOf("m", { a: 1 }), keyOf("m", { a: "1" }), keyOf("n", { a: 1 }), keyOf("m", { b: 1 })];
  expect(new Set(others).size).toBe(4);
});
