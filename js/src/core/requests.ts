// Requests to Python. Each gets one answer. In a lane one request is in flight and the newest waits; what it replaces
// is dropped. Answers that came with the page (`_answers`) are found first, so a static page uses the same calls.

import { listen, type Model } from "./host";
import { decodeAll } from "./wire";

export interface Failure {
  type: string;
  message: string;
  fix: string;
}

export class RequestError extends Error {
  constructor(readonly failure: Failure) {
    super(`${failure.type}: ${failure.message}`);
  }
}

/** A static page was asked for something it does not hold. */
export class NotRecorded extends RequestError {
  constructor() {
    super({
      type: "Static page",
      message: "this was not recorded in the page",
      fix: "Open the notebook to compute it.",
    });
  }
}

/** Thrown at a request that a newer one replaced: nobody waits for it any more. */
export class Superseded extends Error {}

type Params = Record<string, unknown>;

interface Pending {
  method: string;
  params: Params;
  key: string;
  promise: Promise<unknown>;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

interface Lane {
  flying: (Pending & { id: string }) | null;
  waiting: Pending | null;
}

const CACHED = 512;

export function keyOf(method: string, params: Params): string {
  const sorted = Object.keys(params)
    .sort()
    .map((name) => [name, params[name]]);
  return JSON.stringify([method, sorted]);
}

/** An answer, decoded once and on demand. */
class Kept {
  value: unknown;
  #decode: () => Promise<unknown>;
  #decoded: Promise<unknown> | null = null;

  constructor(decode: () => Promise<unknown>) {
    this.#decode = decode;
  }

  get(): Promise<unknown> {
    this.#decoded ??= this.#decode().then((value) => {
      this.value = value;
      return value;
    });
    return this.#decoded;
  }
}

export class Requests {
  #lanes = new Map<string, Lane>();
  #cache = new Map<string, Kept>();
  // Views of one model hear each other's answers: the ids of each begin with a word of its own.
  #name = Math.random().toString(36).slice(2);
  #sent = 0;
  /** Seconds since the oldest unanswered request was sent; called on every change. */
  onActivity: (since: number | null) => void = () => {};
  #since = new Map<string, number>();

  #model: Model;
  #signal: AbortSignal;

  constructor(model: Model, signal: AbortSignal) {
    this.#model = model;
    this.#signal = signal;
    listen(model, "msg:custom", signal, (content: unknown, buffers?: readonly ArrayBufferView[]) =>
      this.#receive(content, buffers ?? []),
    );
    listen(model, "change:_answers", signal, () => this.#takeRecorded());
    this.#takeRecorded();
  }

  #takeRecorded(): void {
    const recorded = (this.#model.get("_answers") ?? []) as {
      method: string;
      params: Params;
      result: unknown;
    }[];
    for (const { method, params, result } of recorded) {
      const key = keyOf(method, params);
      // Decoded when first asked for: a page may hold thousands that nobody looks at.
      if (!this.#cache.has(key)) this.#cache.set(key, new Kept(() => decodeAll(result)));
    }
  }

  /** Whether the answer is here already, recorded or cached. */
  has(method: string, params: Params): boolean {
    return this.#cache.has(keyOf(method, params));
  }

  /** The answer, if it is here and decoded. */
  peek<T>(method: string, params: Params): T | undefined {
    return this.#cache.get(keyOf(method, params))?.value as T | undefined;
  }

  ask<T>(method: string, params: Params, lane = method): Promise<T> {
    const key = keyOf(method, params);
    const known = this.#cache.get(key);
    if (known) return known.get() as Promise<T>;
    if (this.#model.isStatic) return Promise.reject(new NotRecorded());
    const state = this.#lanes.get(lane) ?? { flying: null, waiting: null };
    this.#lanes.set(lane, state);
    state.waiting?.reject(new Superseded());
    state.waiting = null;
    if (state.flying?.key === key) return state.flying.promise as Promise<T>;
    const pending = { method, params, key } as Pending;
    pending.promise = new Promise((resolve, reject) => Object.assign(pending, { resolve, reject }));
    if (state.flying) state.waiting = pending;
    else this.#send(state, pending);
    return pending.promise as Promise<T>;
  }

  #send(lane: Lane, pending: Pending): void {
    const id = `${this.#name}-${this.#sent++}`;
    lane.flying = { ...pending, id };
    this.#since.set(id, performance.now());
    this.onActivity(Math.min(...this.#since.values()));
    try {
      this.#model.send({ type: "request", id, method: pending.method, params: pending.params });
    } catch (error) {
      // No kernel: a lane that stayed busy would never ask again.
      this.#settle(lane, id);
      pending.reject(error);
    }
  }

  #receive(content: unknown, buffers: readonly ArrayBufferView[]): void {
    const answer = content as { type?: string; id?: string; result?: unknown; error?: Failure };
    if (answer?.type !== "answer" || answer.id === undefined || this.#signal.aborted) return;
    for (const lane of this.#lanes.values()) {
      const flying = lane.flying;
      if (flying?.id !== answer.id) continue; // another view of the same model asked, or nobody waits any more
      this.#settle(lane, answer.id);
      if (answer.error) {
        flying.reject(new RequestError(answer.error));
      } else {
        this.#remember(flying.key, new Kept(() => decodeAll(answer.result, buffers))).then(
          flying.resolve,
          flying.reject,
        );
      }
      const next = lane.waiting;
      lane.waiting = null;
      if (next) this.#send(lane, next);
      return;
    }
  }

  #settle(lane: Lane, id: string): void {
    lane.flying = null;
    this.#since.delete(id);
    this.onActivity(this.#since.size ? Math.min(...this.#since.values()) : null);
  }

  #remember(key: string, kept: Kept): Promise<unknown> {
    this.#cache.set(key, kept);
    if (this.#cache.size > CACHED && !this.#model.isStatic) {
      const oldest = this.#cache.keys().next().value;
      if (oldest !== undefined) this.#cache.delete(oldest);
    }
    const decoded = kept.get();
    decoded.catch(() => this.#cache.delete(key)); // an answer that cannot be read is asked for again
    return decoded;
  }
}
