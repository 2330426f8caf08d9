// The part of the pattern in view: a range of queries and a range of keys, in cells.

import type { Range } from "./data";

/** The closest zoom still shows this many cells. */
const FEWEST = 8;

export class Viewport {
  q: Range = { start: 0, stop: 1 };
  k: Range = { start: 0, stop: 1 };
  #nq = 1;
  #nk = 1;

  /** A pattern of another size is shown whole. */
  resize(nq: number, nk: number): void {
    if (nq === this.#nq && nk === this.#nk) return;
    this.#nq = nq;
    this.#nk = nk;
    this.fit();
  }

  get isWhole(): boolean {
    return this.q.stop - this.q.start >= this.#nq && this.k.stop - this.k.start >= this.#nk;
  }

  fit(): void {
    this.q = { start: 0, stop: this.#nq };
    this.k = { start: 0, stop: this.#nk };
  }

  /** Zoom by a factor (below 1 magnifies) around a point given as shares of the plot. */
  zoom(factor: number, x = 0.5, y = 0.5): void {
    const along = (range: Range, n: number, at: number): Range => {
      const now = range.stop - range.start;
      const next = Math.min(n, Math.max(Math.min(FEWEST, n), now * factor));
      return placed(range.start + at * now - at * next, next, n);
    };
    this.q = along(this.q, this.#nq, y);
    this.k = along(this.k, this.#nk, x);
  }

  /** Move by shares of what is in view. */
  pan(x: number, y: number): void {
    const along = (range: Range, n: number, by: number) => {
      const now = range.stop - range.start;
      return placed(range.start + by * now, now, n);
    };
    this.q = along(this.q, this.#nq, y);
    this.k = along(this.k, this.#nk, x);
  }

  /** Bring a cell into view; nothing moves when it is there. */
  reveal(query: number | null, key: number | null): void {
    const along = (range: Range, n: number, at: number | null) => {
      if (at === null || (at >= range.start && at + 1 <= range.stop)) return range;
      const now = range.stop - range.start;
      return placed(at + 0.5 - now / 2, now, n);
    };
    this.q = along(this.q, this.#nq, query);
    this.k = along(this.k, this.#nk, key);
  }

  /** Put the middle of the view at shares of the whole. */
  centre(x: number, y: number): void {
    const along = (range: Range, n: number, at: number) => {
      const now = range.stop - range.start;
      return placed(at * n - now / 2, now, n);
    };
    this.q = along(this.q, this.#nq, y);
    this.k = along(this.k, this.#nk, x);
  }
}

function placed(start: number, length: number, count: number): Range {
  const from = Math.max(0, Math.min(count - length, start));
  return { start: from, stop: from + length };
}
