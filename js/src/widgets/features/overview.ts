// The picture of all features with its two columns and its legend.

import { div, h } from "../../core/dom";
import { digits } from "../../core/format";
import type { Page } from "../../core/page";
import type { NDArray } from "../../core/wire";
import type { Column } from "./axis";
import type { Filters, ViewInfo } from "./data";
import { ColumnMenu } from "./menu";
import { OTHERS_CSS, Scatter, shades } from "./scatter";

export interface OverviewEvents {
  say(words: string): void;
  filter(filters: Filters): void;
}

export class Overview {
  readonly el = div("feat-overview");
  readonly scatter: Scatter;
  #page: Page<ViewInfo>;
  #x: ColumnMenu;
  #y: ColumnMenu;
  #legend = div("feat-legend");

  constructor(page: Page<ViewInfo>, { say, filter }: OverviewEvents) {
    this.#page = page;
    this.#x = new ColumnMenu("across", (x) => page.choose({ x }));
    this.#y = new ColumnMenu("up", (y) => page.choose({ y }));
    const names = () => [page.get<string>("x"), page.get<string>("y")] as const;
    this.scatter = new Scatter(
      () => page.frame.fonts,
      {
        hover: (feature, x, y) => {
          const [nx, ny] = names();
          say(feature === null ? "" : `feature ${feature}: ${nx} ≈ ${digits(x)}, ${ny} ≈ ${digits(y)}`);
        },
        open: (feature) => page.choose({ feature }),
        box: (...ranges) => {
          const filters = { ...page.get<Filters>("filters") };
          names().forEach((name, i) => {
            const [low, high] = ranges[i]!;
            if (low === null && high === null) delete filters[name];
            else filters[name] = [low, high];
          });
          filter(filters);
        },
      },
      page.signal,
    );
    this.el.append(div("feat-axes", this.#x.el, this.#y.el), this.scatter.el, this.#legend);
  }

  update(): void {
    const page = this.#page;
    const { columns, version } = page.info;
    const names = [page.get<string>("x"), page.get<string>("y")] as const;
    const { answers, colours } = page;
    this.#x.update(columns, names[0]);
    this.#y.update(columns, names[1]);
    const [x, y] = names.map((name) =>
      answers.wanted<Column>("column", { name, version }, { lane: `column ${name}` }),
    );
    const [query, filters] = [page.get<string>("search"), page.get<Filters>("filters")];
    const some = query.trim() !== "" || Object.keys(filters).length > 0;
    const matched = some
      ? answers.wanted<{ bits: NDArray }>("matched", { query, filters, version })
      : { bits: null };
    if (!x || !y || !matched) return;
    const scale = page.scales.plain;
    const fixed = page.model.isStatic === true;
    this.scatter.update({
      ...{ x, y, names, colours, scale, fixed },
      chosen: page.get<number | null>("feature"),
      matched: matched.bits?.data ?? null,
      ranges: [filters[names[0]], filters[names[1]]],
    });
    const { most, unknown } = this.scatter;
    const [one, many] = shades(most, scale);
    const parts = [
      [one!, "1 feature"],
      most > 1 && [many!, `${most}`],
      some && [OTHERS_CSS, "not in the list"],
    ]
      .filter((part) => part !== false)
      .map(([colour, words]) => h("span", {}, h("i", { style: `background:${colour}` }), words!));
    if (unknown) parts.push(h("span", {}, `${unknown.toLocaleString("en")} without a value`));
    parts.push(h("span", {}, fixed ? "filtering needs the notebook" : "drag to filter"));
    this.#legend.replaceChildren(...parts);
  }
}
