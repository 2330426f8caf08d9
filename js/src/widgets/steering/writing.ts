// Text token by token: the page pulls, so that stopping is not asking and the kernel stays free in between.

import { NotRecorded, type Requests, Superseded } from "../../core/requests";
import type { NDArray } from "../../core/wire";

/** What Python answers to one pull. */
interface Pulled {
  ids: number[];
  texts: string[];
  probability: NDArray;
  done: boolean;
  perplexity: number | null;
}

export interface Written {
  ids: number[];
  texts: string[];
  probability: number[];
  done: boolean;
  perplexity: number | null;
  /** Stopped by the reader, or not recorded in a saved page. */
  state: "writing" | "done" | "stopped" | "missing";
}

type Params = Record<string, unknown>;

/** One column's text; a newer one replaces an older one, whose last answer is dropped. */
export class Writing {
  now: Written | null = null;
  #requests: Requests;
  #lane: string;
  #changed: () => void;
  #failed: (error: unknown) => void;
  #key = "";
  #run = 0;

  constructor(requests: Requests, lane: string, changed: () => void, failed: (error: unknown) => void) {
    this.#requests = requests;
    this.#lane = lane;
    this.#changed = changed;
    this.#failed = failed;
  }

  get busy(): boolean {
    return this.now?.state === "writing";
  }

  /** Write what these parameters mean; the same ones again only with `anew`. */
  start(params: Params, anew = false): void {
    const key = JSON.stringify(params);
    if (key === this.#key && !anew) return;
    this.#key = key;
    this.now = { ids: [], texts: [], probability: [], done: false, perplexity: null, state: "writing" };
    void this.#pull(params, ++this.#run, this.now);
  }

  stop(): void {
    if (!this.busy) return;
    this.#run++;
    this.now!.state = "stopped";
    this.#changed();
  }

  clear(): void {
    this.#run++;
    this.#key = "";
    this.now = null;
  }

  async #pull(params: Params, run: number, text: Written): Promise<void> {
    while (run === this.#run) {
      try {
        const asked = { ...params, at: text.ids.length };
        const pulled = await this.#requests.ask<Pulled>("write", asked, this.#lane);
        if (run !== this.#run) return;
        text.ids.push(...pulled.ids);
        text.texts.push(...pulled.texts);
        text.probability.push(...Array.from(pulled.probability.data));
        text.done = pulled.done;
        text.perplexity = pulled.perplexity;
        if (pulled.done) text.state = "done";
        this.#changed();
        if (pulled.done) return;
      } catch (error) {
        if (run !== this.#run || error instanceof Superseded) return;
        text.state = error instanceof NotRecorded ? "missing" : "stopped";
        if (!(error instanceof NotRecorded)) this.#failed(error);
        this.#changed();
        return;
      }
    }
  }
}

/** The texts of a panel: the default, and one for each way of attention. */
export class Writings {
  #all: Record<string, Writing>;

  constructor(requests: Requests, changed: () => void, failed: (error: unknown) => void) {
    this.#all = Object.fromEntries(
      ["default", "live", "frozen"].map((name) => [
        name,
        new Writing(requests, `write ${name}`, changed, failed),
      ]),
    );
  }

  get busy(): boolean {
    return Object.values(this.#all).some((writing) => writing.busy);
  }

  stop(): void {
    for (const writing of Object.values(this.#all)) writing.stop();
  }

  /** Write what is not there yet: the default, and the steered text where something steers. */
  start(
    shared: Params,
    steered: { rows: readonly unknown[]; positions: unknown },
    ways: readonly string[],
    anew: boolean,
  ): void {
    const plain = { column: "default", rows: [], positions: "all", attention: "live" };
    this.#all.default!.start({ ...shared, ...plain }, anew);
    for (const way of ["live", "frozen"]) {
      const writing = this.#all[way]!;
      if (steered.rows.length > 0 && ways.includes(way))
        writing.start({ ...shared, ...steered, column: way, attention: way }, anew);
      else writing.clear();
    }
  }

  columns(ways: readonly string[], active: boolean): { name: string; written: Written | null }[] {
    const long = ways.length > 1 || ways[0] === "frozen";
    return [
      { name: "default", written: this.#all.default!.now },
      ...ways.map((way) => ({
        name: long ? `steered, ${way} attention` : "steered",
        // Where nothing steers, the steered text is the default one.
        written: this.#all[active ? way : "default"]!.now,
      })),
    ];
  }
}
