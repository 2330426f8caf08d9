// The choices in the title line: which attention, layer, numbers, side of a token, order of heads.

import { Chooser } from "../../core/controls";
import type { KindInfo } from "./data";

const SHOWN: Record<string, string> = {
  pattern: "pattern",
  value_weighted: "value-weighted",
  compared: "second",
  difference: "difference",
};
const DIRECTIONS = [
  { value: "looks_at", label: "looks at" },
  { value: "looked_at_by", label: "looked at by" },
];

type Get = <T>(trait: string) => T;

export class Choices {
  readonly els: HTMLElement[];
  #get: Get;
  #layers: Chooser<number | "all">;
  #shows: Chooser<string>;
  #directions: Chooser<string>;
  #kinds: Chooser<string>;
  #sorts: Chooser<string>;

  constructor(get: Get, choose: (traits: Record<string, unknown>) => void) {
    this.#get = get;
    this.#kinds = new Chooser("attention", (kind) => choose({ kind, query: null, key: null }));
    this.#layers = new Chooser("layer", (layer) => {
      choose(layer === "all" ? { overview: true } : { overview: false, layer });
    });
    this.#shows = new Chooser("show", (show) => choose({ show }));
    this.#directions = new Chooser("tokens", (direction) => choose({ direction }));
    this.#sorts = new Chooser("sort heads by", (sort) => choose({ sort }));
    this.els = [this.#kinds, this.#layers, this.#shows, this.#directions, this.#sorts].map((c) => c.el);
  }

  /** What can be chosen; choices with one answer are not shown. */
  offer(kinds: Record<string, KindInfo>): void {
    const kind = kinds[this.#get<string>("kind")]!;
    const all = kind.layers.length > 1 ? [{ value: "all" as const, label: "all" }] : [];
    this.#layers.offer(
      [...all, ...kind.layers.map((value) => ({ value, label: String(value) }))],
      this.#layer,
    );
    this.#shows.offer(
      kind.shows.map(({ name, reason }) => ({ value: name, label: SHOWN[name] ?? name, reason })),
      this.#get("show"),
    );
    this.#directions.offer(DIRECTIONS, this.#get("direction"));
    const many = kind.heads.reduce((a, b) => a + b, 0) > 2;
    const sorts = many && kind.summaries ? ["head", "likeness", ...kind.summaries] : [];
    this.#sorts.offer(
      sorts.map((value) => ({ value, label: value.replaceAll("_", " ") })),
      this.#get("sort"),
    );
    this.#kinds.offer(
      Object.keys(kinds).map((value) => ({ value, label: value })),
      this.#get("kind"),
    );
  }

  /** Show what the traits say, wherever it was chosen. */
  show(): void {
    this.#layers.set(this.#layer);
    this.#shows.set(this.#get("show"));
    this.#directions.set(this.#get("direction"));
    this.#kinds.set(this.#get("kind"));
    this.#sorts.set(this.#get("sort"));
  }

  get #layer(): number | "all" {
    return this.#get<boolean>("overview") ? "all" : this.#get<number>("layer");
  }
}
