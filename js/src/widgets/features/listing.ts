// The order of the list: asked for block by block, with what is here already kept until the new one comes.

import type { Page } from "../../core/page";
import { type Filters, type Row, type RowBlock, rowOf, type ViewInfo } from "./data";

export class Listing {
  /** Where the open feature stands; negative when the list leaves it out, null when that is not known yet. */
  row: number | null = null;
  /** The order that is shown. */
  shown = "";
  #blocks = new Map<number, RowBlock>();
  #page: Page<ViewInfo>;

  constructor(page: Page<ViewInfo>) {
    this.#page = page;
  }

  get query() {
    const page = this.#page;
    return {
      query: page.get<string>("search"),
      sort: page.get<string>("sort"),
      descending: page.get<boolean>("descending"),
      filters: page.get<Filters>("filters"),
    };
  }

  #asked(more: Record<string, unknown>) {
    return { ...this.query, version: this.#page.info.version, ...more };
  }

  /** A block of rows. Until the first of a new order is here, the rows of the old one stay. */
  block(start: number): RowBlock | undefined {
    const lane = `rows ${start % (4 * this.#page.info.rows)}`;
    const fresh = this.#page.answers.wanted<RowBlock>("rows", this.#asked({ start }), { lane });
    if (fresh) {
      const order = JSON.stringify(this.query);
      if (order !== this.shown) this.#blocks.clear();
      this.shown = order;
      this.#blocks.set(start, fresh);
    }
    return this.#blocks.get(start);
  }

  at(index: number): Row | null {
    const { rows } = this.#page.info;
    const block = this.block(Math.floor(index / rows) * rows);
    return block ? rowOf(block, index % rows) : null;
  }

  /** Rows that can be scrolled to: a saved page holds the start of each order. */
  get count(): number {
    const { requests, model, info } = this.#page;
    const total = this.block(0)?.total ?? 0;
    if (!model.isStatic) return total;
    let count = 0;
    while (count < total && requests.has("rows", this.#asked({ start: count }))) count += info.rows;
    return Math.min(total, count);
  }

  /** Look for a feature's row: among those that are here, else asked for once. Tells the row when it is found. */
  find(feature: number): number | null {
    if (this.row !== null || this.shown !== JSON.stringify(this.query)) return null;
    let found: number | null | undefined = this.#page.model.isStatic ? null : undefined;
    for (const [start, block] of this.#blocks) {
      const at = Array.prototype.indexOf.call(block.ids.data, feature);
      if (at >= 0) found = start + at;
    }
    if (found === undefined) {
      const asked = this.#asked({ feature });
      found = this.#page.answers.wanted<{ row: number | null }>("place", asked, { optional: true })?.row;
    }
    if (found === undefined) return null;
    this.row = found ?? -1;
    return found;
  }
}
