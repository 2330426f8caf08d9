// NeuronView: every neuron of a model against its vocabulary.

import { ChosenToken } from "../../core/chosen";
import { Chooser } from "../../core/controls";
import { div, h } from "../../core/dom";
import { allDigits, digits, label } from "../../core/format";
import type { RenderContext } from "../../core/host";
import { Page, widget } from "../../core/page";
import { type PartBar, PartBars, partbarsStyles, track } from "../../core/partbars";
import type { Pen } from "../../core/pen";
import { pickerStyles } from "../../core/picker";
import { Rows, rowsStyles } from "../../core/rows";
import type { Drawing } from "../../core/save";
import { Clamp } from "./clamp";
import {
  type Clamped,
  type End,
  type Place,
  type RowBlock,
  rowOf,
  SIDES,
  type SideOf,
  type ViewInfo,
} from "./data";
import styles from "./neurons.css";

const TRAITS = ["layer", "neuron", "token", "side", "sort", "value", "everywhere"];
const KEYS = [
  ["click", "open a neuron"],
  ["up  down", "previous, next in the list; with shift by ten"],
  ["Esc", "hold nothing, then show all neurons"],
] as const;
const TOP = 8;
const BOTTOM = 4;

class NeuronPage extends Page<ViewInfo> {
  #rows: Rows;
  #clamp: Clamp;
  #token: ChosenToken;
  #sides: Chooser<string>;
  #sorts: Chooser<string>;
  #listNote = h("p", { class: "iw-note" });
  #head = div(
    "neu-head",
    h("span", {}, "neuron"),
    h("span", {}, "tokens"),
    h("span", { class: "neu-z" }, "z"),
  );
  #name = h("p", { class: "neu-name" });
  #about = h("p", { class: "iw-note" });
  #shown: { side: string; bars: PartBars }[] = [];
  /** The row of the open neuron in the list that is shown, where it is known. */
  #row: number | null = null;
  #follow = true;

  constructor(context: RenderContext) {
    super(context, {
      styles: pickerStyles + partbarsStyles + rowsStyles + styles,
      keys: KEYS,
      traits: TRAITS,
    });
    const { signal } = this;
    this.#token = new ChosenToken(
      "about",
      "a token",
      this.requests,
      (token) => {
        this.#row = null;
        this.#rows.el.scrollTop = 0;
        this.choose({ token: token?.id ?? null });
      },
      signal,
    );
    const order = (values: Record<string, string>) => {
      this.#row = null;
      this.#follow = false;
      this.#rows.el.scrollTop = 0;
      this.choose(values);
    };
    this.#sides = new Chooser("list by what it", (side) => order({ side }));
    this.#sorts = new Chooser("sort", (sort) => order({ sort }));
    this.frame.controls.append(this.#token.el, this.#sides.el, this.#sorts.el);
    this.#rows = new Rows("Neurons", { row: (i) => this.#line(i), click: (i) => this.#open(i) }, signal);
    this.#clamp = new Clamp(
      { value: (value) => this.choose({ value }), everywhere: (everywhere) => this.choose({ everywhere }) },
      signal,
    );
    const sides = div("neu-sides");
    for (const side of this.info.sides) {
      const bars = new PartBars({}, signal);
      this.#shown.push({ side, bars });
      sides.append(h("div", {}, h("p", { class: "iw-note" }, SIDES[side]?.title ?? side), bars.el));
    }
    const one = div("neu-one", this.#name, this.#about, sides);
    this.frame.body.append(
      h(
        "div",
        { class: "neu", "data-text": this.info.texts !== null },
        div("neu-list", this.#listNote, this.#head, this.#rows.el),
        one,
        this.#clamp.el,
      ),
    );
    const { sides: offered, sorts } = this.info;
    this.#sides.offer(
      offered.map((value) => ({ value, label: SIDES[value]?.label ?? value })),
      this.get("side"),
    );
    const named: Record<string, string> = { z: "z-score", layer: "layer", name: "name" };
    this.#sorts.offer(
      sorts.map((value) => ({ value, label: named[value] ?? value })),
      this.get("sort"),
    );
    this.start();
  }

  get #place(): Place {
    return { layer: this.get<number>("layer"), neuron: this.get<number>("neuron") };
  }

  get #list() {
    return {
      side: this.get<string>("side"),
      sort: this.get<string>("sort"),
      token: this.get<number | null>("token"),
    };
  }

  // The list, block by block.

  #block(start: number): RowBlock | undefined {
    return this.answers.wanted<RowBlock>(
      "rows",
      { ...this.#list, start },
      { lane: `rows ${start % (4 * this.info.rows)}` },
    );
  }

  #at(index: number) {
    const { rows } = this.info;
    const block = this.#block(Math.floor(index / rows) * rows);
    return block ? rowOf(block, index % rows) : null;
  }

  #line(index: number): (Node | string)[] | null {
    const row = this.#at(index);
    if (!row) return null;
    const named = row.names.length > 0;
    const words = named ? row.names.map((text) => label(text, 16)).join(" · ") : label(row.first, 16);
    return [
      h("span", { class: "iw-index" }, `${row.layer}.${row.neuron}`),
      h(
        "span",
        named ? {} : { class: "iw-index", title: "No token stands out; this one comes first" },
        words,
      ),
      h(
        "span",
        { class: "neu-z", title: allDigits(row.z) },
        Number.isFinite(row.z) ? row.z.toFixed(1) : digits(row.z),
      ),
    ];
  }

  #open(index: number): void {
    const row = this.#at(index);
    if (!row) return;
    this.choose({ layer: row.layer, neuron: row.neuron, value: null });
    // Setting the traits forgot the row, as it must when they are set from Python.
    this.#row = index;
    this.#follow = false;
    this.update();
  }

  override acts(event: KeyboardEvent): Record<string, (() => void) | false> {
    const total = this.#block(0)?.total ?? 0;
    const move = (by: number) => {
      const from = this.#row ?? (by > 0 ? -1 : 1);
      const to = Math.max(0, Math.min(total - 1, from + by * (event.shiftKey ? 10 : 1)));
      this.#open(to);
      this.#rows.reveal(to);
    };
    return {
      ArrowUp: () => move(-1),
      ArrowDown: () => move(1),
      Escape: () => {
        if (this.get("value") !== null) this.choose({ value: null });
        else this.choose({ token: null });
      },
    };
  }

  override changed(trait: string): void {
    if (["layer", "neuron", "side", "sort", "token"].includes(trait)) {
      this.#row = null;
      this.#follow = true;
    }
  }

  override settle(): void {
    const { layers, counts } = this.info;
    const count = counts[layers.indexOf(this.get<number>("layer"))] ?? 1;
    if (this.get<number>("neuron") >= count) this.model.set("neuron", count - 1);
  }

  // What is drawn.

  draw(): void {
    const { side, sort, token } = this.#list;
    this.#sides.set(side);
    this.#sorts.set(sort);
    this.#sorts.el.hidden = token !== null;
    this.#drawList();
    this.#drawNeuron();
    this.#drawClamp();
  }

  #drawList(): void {
    const { side, token } = this.#list;
    const { counts, threshold } = this.info;
    const block = this.#block(0);
    const total = block?.total ?? 0;
    const all = counts.reduce((a, b) => a + b, 0);
    const verb = side === "writes" ? "writes" : "reads";
    this.#token.show(token === null ? null : (block?.about ?? `token ${token}`), false);
    this.#listNote.textContent =
      token === null
        ? `${all.toLocaleString("en")} neurons, by ${SIDES[side]?.what ?? side}. Grey: no token reaches z ${digits(threshold)}.`
        : `The ${total} neurons for which this token stands out most in what each ${verb}.`;
    if (this.#row === null) this.#findRow();
    this.#rows.update(total, this.#row);
  }

  /** Where the open neuron stands in the list: asked for once, and scrolled to when it was opened from outside. */
  #findRow(): void {
    const asked = { ...this.#list, ...this.#place };
    // A saved page may not know the row; the neuron is shown all the same.
    const known = this.answers.wanted<{ row: number | null }>("place", asked, { optional: true });
    if (known === undefined) return;
    this.#row = known.row ?? -1;
    if (known.row !== null && this.#follow)
      requestAnimationFrame(() => !this.signal.aborted && this.#rows.reveal(known.row!));
  }

  #bars(end: End, most: number): PartBar[] {
    return end.texts.slice(0, most).map((text, i) => ({
      name: label(text, 16),
      value: end.z.data[i]!,
      title: `${text} · token ${end.ids.data[i]} · score ${allDigits(end.values.data[i]!)}`,
      fixed: true,
    }));
  }

  /** Both ends of a side, the strongest first and the most opposed last. */
  #both({ top, bottom }: SideOf): PartBar[] {
    const high = this.#bars(top, TOP);
    const shown = new Set(Array.from(top.ids.data).slice(0, TOP));
    // In a very small vocabulary the two ends meet.
    const low = this.#bars(bottom, BOTTOM).filter((_, i) => !shown.has(bottom.ids.data[i]!));
    return [...high, ...low.reverse()];
  }

  #drawNeuron(): void {
    const { layer, neuron } = this.#place;
    const found = this.answers.wanted<Record<string, SideOf>>("neuron", { layer, neuron });
    const said: string[] = [`layer ${layer} · neuron ${neuron}`];
    if (found) {
      const names = Object.values(found).flatMap((side) => side.names);
      this.#name.textContent = `${layer}.${neuron}${names.length ? ` ${[...new Set(names)].map((n) => label(n, 18)).join(", ")}` : ""}`;
      const all = this.#shown.map(({ side }) => this.#both(found[side]!));
      const over = all.flat().map((bar) => bar.value);
      this.#about.textContent = "z-scores against this neuron's own vocabulary, one scale for all";
      this.#shown.forEach(({ side, bars }, i) => {
        bars.draw(all[i]!, over);
        const { texts, z } = found[side]!.top;
        said.push(`${side} “${label(texts[0] ?? "", 16)}” z ${digits(z.data[0]!)}`);
      });
    }
    this.frame.say(said.join(" · "));
    this.frame.setCheck(null);
    this.#about.title = this.info.notes.join("; ");
  }

  #drawClamp(): void {
    const { texts } = this.info;
    const value = this.get<number | null>("value");
    const everywhere = this.get<boolean>("everywhere");
    const place = this.#place;
    const fixed = this.model.isStatic === true;
    const asked = (held: number | null) => ({ ...place, value: held, everywhere });
    // A saved page holds the clamp of the neuron that was open; for others it says that it needs the notebook.
    const ask = (held: number | null) =>
      texts && (!fixed || this.requests.has("clamp", asked(held)))
        ? (this.answers.wanted<Clamped>("clamp", asked(held)) ?? null)
        : null;
    const own = ask(null);
    this.#clamp.update({
      ...{ ready: texts !== null, fixed, value, everywhere, own },
      now: value === null ? own : ask(value),
      last: label(texts?.texts.at(-1) ?? "", 16),
    });
  }

  drawing(): Drawing {
    const { layer, neuron } = this.#place;
    const found = this.requests.peek<Record<string, SideOf>>("neuron", { layer, neuron });
    const all = this.#shown.map(({ side }) => (found ? this.#both(found[side]!) : []));
    const over = all.flat().map((bar) => bar.value);
    return {
      width: 300 * all.length,
      height: 64 + 20 * Math.max(0, ...all.map((bars) => bars.length)),
      paint: (pen) => {
        pen.text(0, 12, this.#name.textContent ?? "", { colour: this.colours.ink, size: 14, bold: true });
        this.#shown.forEach(({ side }, i) => {
          this.#paintSide(pen, 300 * i, side, all[i]!, over);
        });
      },
    };
  }

  #paintSide(pen: Pen, x: number, side: string, bars: readonly PartBar[], over: readonly number[]): void {
    const { ink, quiet, line, accent, pin } = this.colours;
    const { zero, unit } = track(over);
    const at = (value: number) => x + 116 + 1.12 * (zero + unit * value);
    pen.text(x, 40, SIDES[side]?.title ?? side, { colour: quiet, size: 12 });
    pen.text(x + 278, 40, "z-score", { colour: quiet, size: 11, anchor: "end" });
    pen.line(at(0), 50, at(0), 50 + 20 * bars.length, line);
    bars.forEach(({ name, value }, i) => {
      const y = 60 + 20 * i;
      pen.text(x, y, name, { colour: ink, size: 12, mono: true });
      if (Number.isFinite(value)) {
        const [from, to] = [at(Math.min(0, value)), at(Math.max(0, value))];
        pen.rect(from, y - 4, Math.max(1, to - from), 8, { fill: value < 0 ? accent : pin, radius: 2 });
      }
      pen.text(x + 278, y, digits(value), { colour: ink, size: 12, anchor: "end", mono: true });
    });
  }
}

export default widget((context) => new NeuronPage(context));
