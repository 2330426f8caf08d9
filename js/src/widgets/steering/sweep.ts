// Many targets, each alone: what it does to the watched words and what it costs, as a table to sort.

import { button, div, h, numbered, on } from "../../core/dom";
import { allDigits, digits } from "../../core/format";
import type { Requests } from "../../core/requests";
import type { NDArray } from "../../core/wire";

interface Swept {
  name: string;
  label: string;
  effect: number | null;
  kl: number | null;
  curve: NDArray;
}

interface Block {
  rows: Swept[];
  next: number | null;
  total: number;
}

type Key = "name" | "effect" | "kl";
const MOST = 200; // rows drawn; a sweep of thousands is sorted first
const SPARK = [84, 18] as const;

export interface SweepEvents {
  /** What every block is asked with. */
  params(): Record<string, unknown>;
  add(name: string): void;
  failed(error: unknown): void;
}

export class Sweep {
  readonly el = h("details", { class: "st-sweep" });
  #summary = h("summary");
  #note = h("span", { class: "iw-note" });
  #start: HTMLButtonElement;
  #stop: HTMLButtonElement;
  #table = div("st-table");
  #rows: Swept[] = [];
  #key: Key = "effect";
  #down = true;
  #run = 0;
  #requests: Requests;
  #events: SweepEvents;

  constructor(requests: Requests, events: SweepEvents, signal: AbortSignal) {
    this.#requests = requests;
    this.#events = events;
    this.#start = button("sweep", "Try every target alone", () => void this.#go());
    this.#stop = button("stop", "Stop the sweep; what is there stays", () => {
      this.#run++;
      this.#state(false, "stopped");
    });
    this.#stop.hidden = true;
    this.el.append(this.#summary, div("st-texts-head", this.#note, this.#start, this.#stop), this.#table);
    on(this.#table, "click", (event) => {
      const key = (event.target as Element).closest<HTMLElement>("[data-key]")?.dataset.key as
        | Key
        | undefined;
      const row = numbered("at")(event);
      if (key) this.#sort(key);
      else if (row !== null) events.add(this.#sorted[row]!.name);
    });
    signal.addEventListener("abort", () => this.#run++, { once: true });
  }

  update(total: number | null, words: readonly string[], fixed: string | null): void {
    this.el.hidden = total === 0 || fixed !== null;
    this.#summary.textContent = `Sweep ${total === null ? "the sliders and the features that fire here" : `${total} targets`}, each alone`;
    this.#start.title = `What each does to ${words.map((word) => `“${word.trim()}”`).join(", ")}`;
  }

  #state(running: boolean, words: string): void {
    this.#start.hidden = running;
    this.#stop.hidden = !running;
    this.#note.textContent = words;
  }

  async #go(): Promise<void> {
    const run = ++this.#run;
    const began = performance.now();
    const params = { ...this.#events.params(), act: String(Math.random()) };
    this.#rows = [];
    this.#state(true, "beginning …");
    let start: number | null = 0;
    while (start !== null) {
      let block: Block;
      try {
        block = await this.#requests.ask<Block>("sweep", { ...params, start }, "sweep");
      } catch (error) {
        if (run === this.#run) this.#state(false, "the sweep failed");
        if (run === this.#run) this.#events.failed(error);
        return;
      }
      if (run !== this.#run) return;
      this.#rows.push(...block.rows);
      start = block.next;
      const seconds = (performance.now() - began) / 1000;
      const left = (seconds / Math.max(1, this.#rows.length)) * (block.total - this.#rows.length);
      this.#state(true, `${this.#rows.length} of ${block.total} · about ${digits(left)} s left`);
      this.#draw();
    }
    this.#state(false, `${this.#rows.length} targets; click a row to make it a slider`);
  }

  #sort(key: Key): void {
    this.#down = key === this.#key ? !this.#down : key !== "name";
    this.#key = key;
    this.#draw();
  }

  get #sorted(): Swept[] {
    const key = this.#key;
    const sign = this.#down ? -1 : 1;
    const by = (row: Swept) => (row[key] === null ? Number.NEGATIVE_INFINITY : (row[key] as number));
    return [...this.#rows].sort((a, b) =>
      key === "name"
        ? sign * a.name.localeCompare(b.name, undefined, { numeric: true })
        : sign * (by(a) - by(b)),
    );
  }

  #draw(): void {
    const head = (key: Key, text: string) =>
      h(
        "button",
        {
          ...{ type: "button", "data-key": key, title: `Sort by ${text}` },
          "aria-pressed": String(key === this.#key),
        },
        `${text}${key === this.#key ? (this.#down ? " ↓" : " ↑") : ""}`,
      );
    const top = Math.max(
      1e-9,
      ...this.#rows.flatMap((row) => Array.from(row.curve.data).filter(Number.isFinite)),
    );
    const number = (value: number | null, signed: boolean) =>
      h(
        "span",
        { class: "st-number", title: value === null ? "" : allDigits(value) },
        value === null ? "NaN" : `${signed && value > 0 ? "+" : ""}${digits(value)}`,
      );
    const rows = this.#sorted
      .slice(0, MOST)
      .map((row, at) =>
        h(
          "button",
          { type: "button", class: "st-swept", "data-at": at, title: `Add ${row.name} as a slider` },
          h("b", {}, row.name),
          h("span", {}, row.label),
          this.#spark(row.curve.data, top),
          number(row.effect, true),
          number(row.kl, false),
        ),
      );
    const titles = div(
      "st-swept st-swept-head",
      head("name", "target"),
      h("span"),
      h("span", { title: "Probability of the watched words over the strength" }, `0 to ${digits(top)}`),
      head("effect", "effect"),
      head("kl", "KL, nats"),
    );
    const more = this.#rows.length - rows.length;
    this.#table.replaceChildren(
      titles,
      ...rows,
      ...(more > 0 ? [h("p", { class: "iw-note" }, `and ${more} more; sort to see others first`)] : []),
    );
  }

  #spark(values: ArrayLike<number>, top: number): SVGSVGElement {
    const [width, height] = SPARK;
    const ns = "http://www.w3.org/2000/svg";
    const svg = document.createElementNS(ns, "svg");
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.setAttribute("aria-hidden", "true");
    const line = document.createElementNS(ns, "polyline");
    const step = width / Math.max(1, values.length - 1);
    const points = Array.from(values).flatMap((value, i) =>
      Number.isFinite(value)
        ? [`${(i * step).toFixed(1)},${(height - 1 - (value / top) * (height - 2)).toFixed(1)}`]
        : [],
    );
    line.setAttribute("points", points.join(" "));
    svg.append(line);
    return svg;
  }
}
