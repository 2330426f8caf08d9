// FeatureBrowser: every feature of a dictionary, and the dashboard of one.

import { button, div, h } from "../../core/dom";
import type { RenderContext } from "../../core/host";
import { Page, widget } from "../../core/page";
import { rowsStyles } from "../../core/rows";
import type { Drawing } from "../../core/save";
import { Dashboard } from "./dashboard";
import { type FeatureAnswer, numberOf, type ViewInfo } from "./data";
import { dashboardDrawing } from "./drawing";
import styles from "./features.css";
import { FilterChips } from "./filters";
import type { Painter } from "./line";
import { FeatureList } from "./list";
import { Listing } from "./listing";
import { ColumnMenu } from "./menu";
import { Overview } from "./overview";
import { RuleBox } from "./rule";
import ruleStyles from "./rule.css";
import { SearchBox } from "./search";

const TRAITS = ["feature", "search", "sort", "descending", "filters", "x", "y"];
const LISTING = ["search", "sort", "descending", "filters"];
const KEYS = [
  ["click", "open a feature; expand an example"],
  ["drag", "a box in the picture: filter"],
  ["j  k", "next, previous feature; with shift by ten"],
  ["b", "back to the feature before"],
  ["/", "search"],
  ["e", "edit the label"],
  ["Esc", "let go: of examples, filters, search"],
] as const;

class FeaturePage extends Page<ViewInfo> {
  #search: SearchBox;
  #sort: ColumnMenu;
  #direction = button("", "", () => this.#order({ descending: !this.get<boolean>("descending") }));
  #overview: Overview;
  #filters: FilterChips;
  #note = h("p", { class: "iw-note feat-count" });
  #list: FeatureList;
  #one: Dashboard;
  #rule: RuleBox;
  #listing = new Listing(this);
  #follow = true;
  #shown: { feature: number; answer: FeatureAnswer } | null = null;
  #last: number | null = null;
  #history: number[] = [];
  #said = "";
  #ahead = "";

  constructor(context: RenderContext) {
    super(context, { styles: rowsStyles + styles + ruleStyles, keys: KEYS, traits: TRAITS });
    const { signal } = this;
    const fonts = () => this.frame.fonts;
    const say = (words: string) => {
      this.#said = words;
      this.#drawStatus();
    };
    this.#search = new SearchBox(
      (search) => search !== this.get("search") && this.#order({ search }),
      () => this.#list.rows.el.focus(),
      signal,
    );
    this.#sort = new ColumnMenu("sort", (sort) => this.#order({ sort }));
    this.#overview = new Overview(this, { say, filter: (filters) => this.#order({ filters }) });
    this.#filters = new FilterChips((filters) => this.#order({ filters }));
    this.#list = new FeatureList(
      {
        row: (i) => this.#listing.at(i),
        open: (i) => this.#open(i),
        sort: (sort) => {
          const same = sort === this.get("sort");
          this.#order({ sort, descending: same ? !this.get<boolean>("descending") : sort !== "feature" });
        },
      },
      signal,
    );
    this.#one = new Dashboard(
      this.requests,
      fonts,
      {
        open: (feature) => this.choose({ feature }),
        step: (by) => this.#step(by),
        back: () => this.#back(),
        say,
      },
      signal,
    );
    this.#rule = new RuleBox(this.requests, signal);
    this.#one.more.append(this.#rule.el);
    const all = div("feat-all", this.#overview.el, this.#filters.el, this.#note, this.#list.el);
    this.frame.controls.append(this.#search.el, this.#sort.el, this.#direction);
    // A click anywhere gives the view its keys.
    this.frame.body.append(h("div", { class: "feat", tabindex: -1 }, all, this.#one.el));
    this.start();
  }

  get #fixed(): boolean {
    return this.model.isStatic === true;
  }

  /** What the list is asked for changes: it starts again at its top. */
  #order(values: Record<string, unknown>): void {
    this.#listing.row = null;
    this.#follow = false;
    this.#list.rows.el.scrollTop = 0;
    this.choose(values);
  }

  #open(index: number): void {
    const row = this.#listing.at(index);
    if (!row) return;
    this.choose({ feature: row.id });
    // Setting the trait forgot the row, as it must when it is set from Python.
    this.#listing.row = index;
    this.#follow = false;
    this.update();
  }

  #step(by: number): void {
    const { count } = this.#listing;
    const from =
      this.#listing.row === null || this.#listing.row < 0 ? (by > 0 ? -1 : count) : this.#listing.row;
    const to = Math.max(0, Math.min(count - 1, from + by));
    this.#open(to);
    this.#list.rows.reveal(to);
  }

  #back(): void {
    const feature = this.#history.pop();
    if (feature === undefined) return;
    this.#last = feature;
    this.choose({ feature });
  }

  #release(): void {
    if (this.#one.examples.close()) return;
    if (this.#fixed) return;
    const { filters, query } = this.#listing.query;
    if (Object.keys(filters).length) this.#order({ filters: {} });
    else if (query) this.#order({ search: "" });
  }

  override acts(event: KeyboardEvent): Record<string, (() => void) | false> {
    const by = event.shiftKey ? 10 : 1;
    const [next, previous] = [() => this.#step(by), () => this.#step(-by)];
    return {
      ...{ j: next, J: next, ArrowDown: next, k: previous, K: previous, ArrowUp: previous },
      b: () => this.#back(),
      "/": () => this.#search.el.focus(),
      e: () => this.#one.label.edit(),
      Escape: () => this.#release(),
    };
  }

  override changed(trait: string): void {
    if (trait === "feature" || LISTING.includes(trait)) {
      this.#listing.row = null;
      this.#follow = true;
    }
  }

  // What is drawn.

  draw(): void {
    this.#drawControls();
    this.#drawList();
    this.#overview.update();
    this.#drawOne();
    this.#drawStatus();
    this.#prefetch();
  }

  #drawControls(): void {
    const { columns } = this.info;
    const { query, sort, descending, filters } = this.#listing.query;
    this.#search.update(query, this.#fixed);
    this.#sort.update([...columns, "feature"], sort);
    this.#direction.textContent = descending ? "↓" : "↑";
    this.#direction.title = descending ? "Largest first" : "Smallest first";
    this.#filters.update(filters, columns, this.#fixed);
  }

  #drawList(): void {
    const block = this.#listing.block(0);
    const total = block?.total ?? 0;
    const { count } = this.#listing;
    const { sort, descending } = this.#listing.query;
    const { n_features, densities } = this.info;
    const all = n_features.toLocaleString("en");
    const saved = count < total ? `; this saved page holds the first ${count}` : "";
    this.#note.textContent = !block
      ? "…"
      : total === 0
        ? "No feature matches. Esc lets go of the filters, then of the search."
        : total === n_features
          ? `${all} feature${n_features === 1 ? "" : "s"}${saved}`
          : `${total.toLocaleString("en")} of ${all} features match${saved}`;
    const feature = this.get<number | null>("feature");
    const found = feature === null ? null : this.#listing.find(feature);
    if (found !== null && found < count && this.#follow)
      requestAnimationFrame(() => !this.signal.aborted && this.#list.rows.reveal(found));
    this.#list.update({ count, chosen: this.#listing.row, sort, descending, densities });
  }

  #drawOne(): void {
    const feature = this.get<number | null>("feature");
    const { version } = this.info;
    if (feature === null) {
      this.#one.missing(null, "Choose a feature in the list.");
      return;
    }
    if (feature !== this.#last) {
      if (this.#last !== null) this.#history.push(this.#last);
      this.#last = feature;
      this.#said = "";
    }
    const asked = { feature, version };
    if (this.#fixed && !this.requests.has("feature", asked)) {
      this.#one.missing(feature, "This feature is not saved in this page. Open the notebook to see it.");
      this.frame.setCheck(null);
      return;
    }
    const answer = this.answers.wanted<FeatureAnswer>("feature", asked, { lane: "feature" });
    if (!answer) {
      if (this.#shown?.feature !== feature) this.#one.waiting(feature);
      return;
    }
    this.#shown = { feature, answer };
    const painter = this.#painter(answer);
    this.#rule.update({ feature, painter, fixed: this.#fixed, ready: this.info.rules });
    this.#one.update({
      ...{ feature, answer, info: this.info, painter: this.#painter(answer), colours: this.colours },
      ...{ fixed: this.#fixed, before: this.#history.at(-1) ?? null },
    });
    this.frame.setCheck(answer.sum_check);
  }

  /** Colours end at the feature's own maximum; with negative values they are of both signs. */
  #painter(answer: FeatureAnswer): Painter {
    const finite = Array.from(answer.examples.values.data).filter(Number.isFinite);
    const signed = finite.some((value) => value < 0);
    const max = numberOf(answer.max);
    const top = Math.max(Number.isFinite(max) ? Math.abs(max) : 0, ...finite.map(Math.abs));
    return { scale: signed ? this.scales.signed : this.scales.plain, top: top || 1 };
  }

  #drawStatus(): void {
    const { card, n_features, n_tokens, name } = this.info;
    const where = card.site_in === card.site_out ? card.site_in : `${card.site_in} → ${card.site_out}`;
    const parts = [
      `${n_features.toLocaleString("en")} features`,
      `${n_tokens.toLocaleString("en")} tokens`,
      card.kind,
      card.site_in && where,
      card.model,
    ];
    this.frame.say(this.#said || parts.filter(Boolean).join(" · ") || name);
  }

  /** The neighbours in the list are fetched while the reader reads. */
  #prefetch(): void {
    const { version } = this.info;
    const row = this.#listing.row;
    if (this.#fixed || row === null || row < 0 || this.#shown?.feature !== this.get("feature")) return;
    const now = `${this.#listing.shown} ${row} ${version}`;
    if (now === this.#ahead) return;
    this.#ahead = now;
    for (const [i, by] of [1, -1, 2].entries()) {
      const feature = row + by >= 0 ? this.#listing.at(row + by)?.id : undefined;
      if (feature === undefined || this.requests.has("feature", { feature, version })) continue;
      // A guess that fails, or that a newer one replaces, is no failure.
      this.requests.ask("feature", { feature, version }, `ahead ${i}`).catch(() => {});
    }
  }

  drawing(): Drawing {
    const shown = this.#shown;
    if (!shown || shown.feature !== this.get("feature")) {
      const { scatter } = this.#overview;
      return { width: scatter.width, height: scatter.height, paint: (pen) => scatter.paint(pen) };
    }
    return dashboardDrawing({
      ...shown,
      facts: this.#one.facts(shown.answer, this.info),
      examples: this.#one.examples.lines,
      painter: this.#painter(shown.answer),
      colours: this.colours,
      histogram: this.#one.histogram,
    });
  }
}

export default widget((context) => new FeaturePage(context));
