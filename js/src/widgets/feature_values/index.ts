// FeatureView: which features fire on a text, and what they leave unsaid.

import { Chooser } from "../../core/controls";
import { div, watchWidth } from "../../core/dom";
import type { RenderContext } from "../../core/host";
import { shortly } from "../../core/linear";
import { Page, widget } from "../../core/page";
import { rowsStyles } from "../../core/rows";
import type { Drawing } from "../../core/save";
import valueStyles from "../../core/values.css";
import { Board } from "./board";
import { Data, type ViewInfo } from "./data";
import { draw } from "./drawing";
import styles from "./feature_values.css";
import { Painting } from "./painting";
import { Search } from "./search";
import { Side } from "./side";
import { NOWHERE, ORDERS, type Over, type State } from "./state";
import { statusWords } from "./status";
import { Text } from "./text";
import { Typing } from "./typing";

const TRAITS = ["position", "feature", "pinned", "order", "text"];
const KEYS = [
  ["hover · click a row", "colour the text by it · pin and select it"],
  ["hover · click a token", "what explains it · lock it"],
  ["← →  Home End", "move the locked token"],
  ["↑ ↓", "select the previous, next feature"],
  ["p", "pin the selected feature, or unpin it"],
  ["[  ]", "previous, next order"],
  ["+  −", "wider, narrower columns"],
  ["Esc", "release token and feature, then the pins"],
] as const;

class FeaturePage extends Page<ViewInfo> {
  #data = new Data(this);
  #painting = new Painting(this, this.#data);
  #over: Over = NOWHERE;
  #find = "";
  /** Where the selected feature stands in the list, where that is known. */
  #at: number | null = null;
  #order: Chooser<string>;
  #search: Search;
  #typing: Typing;
  #text: Text;
  #board: Board;
  #side: Side;

  constructor(context: RenderContext) {
    super(context, { styles: valueStyles + rowsStyles + styles, keys: KEYS, traits: TRAITS });
    const { signal } = this;
    this.#order = new Chooser("order by", (order) => this.#reorder(order));
    this.#order.offer(
      ORDERS.map((value) => ({ value, label: value })),
      this.get("order"),
    );
    this.#search = new Search(
      (find) => this.#seek(find),
      () => this.#select(0),
      signal,
    );
    this.#typing = new Typing(this.requests, (error) => this.frame.fail(error), signal);
    this.#text = new Text(
      this.#data,
      this.#painting,
      { hover: (position) => this.#hover({ ...NOWHERE, position }), click: (i) => this.#lock(i) },
      signal,
    );
    this.#board = new Board(this, this.#data, this.#painting, {
      hover: (over) => this.#hover(over),
      lock: (position) => this.#lock(position),
      pin: (feature) => this.#pin(feature),
      feature: (feature, position, index) => {
        this.#toggle(feature, position);
        if (index !== null) this.#at = index;
      },
    });
    this.#side = new Side(this, this.#data, {
      hover: (feature) => this.#preview(feature),
      click: (feature) => this.#toggle(feature, null),
    });
    this.frame.controls.append(this.#order.el, this.#search.el);
    const main = div("fea-main", this.#text.el, this.#board.el);
    this.frame.body.append(this.#typing.el, div("fea iw-dressed", main, this.#side.el));
    watchWidth(this.#text.strip.el, signal, () => this.#reveal());
    this.start();
  }

  // What a reader does.

  get #pinned(): number[] {
    return this.get<number[]>("pinned") ?? [];
  }

  get #state(): State {
    const [position, feature] = [this.get<number | null>("position"), this.get<number | null>("feature")];
    const [order, over] = [this.get<string>("order"), this.#over];
    const state = { ...{ order, find: this.#find, position, feature, pinned: this.#pinned, over } };
    const last = Math.max(0, this.#data.count - 1);
    const looked =
      over.position !== null
        ? ({ index: over.position, why: "hovered" } as const)
        : position !== null
          ? ({ index: position, why: "locked" } as const)
          : ({ index: last, why: "last" } as const);
    const colouring =
      over.feature !== null
        ? ({ row: this.#data.row(over.feature), why: "hovered" } as const)
        : feature !== null
          ? ({ row: this.#data.row(feature), why: "selected" } as const)
          : ({ row: this.#data.at(order, this.#find, 0), why: "first of the list" } as const);
    return { ...state, looked, colouring };
  }

  #lock(index: number): void {
    this.choose({ position: this.get("position") === index ? null : index });
    this.#text.strip.el.focus({ preventScroll: true });
  }

  /** Click a feature: it is selected and pinned; click the selected one again and it is let go. */
  #toggle(feature: number, position: number | null): void {
    const pinned = this.#pinned;
    const held = pinned.includes(feature);
    const here = position === null || position === this.get("position");
    if (this.get("feature") === feature && held && here) {
      this.choose({ feature: null, pinned: pinned.filter((f) => f !== feature) });
      return;
    }
    const where = position === null ? {} : { position };
    this.choose({ ...where, feature, pinned: held ? pinned : [...pinned, feature] });
  }

  #pin(feature: number): void {
    const pinned = this.#pinned;
    const without = pinned.filter((f) => f !== feature);
    this.choose({ pinned: without.length < pinned.length ? without : [...pinned, feature] });
  }

  #reorder(order: string): void {
    this.#at = null;
    this.#board.restart(false);
    this.choose({ order });
  }

  #seek(find: string): void {
    this.#find = find;
    this.#at = null;
    this.#board.restart(false);
    this.update();
  }

  #hover(over: Over): void {
    const before = this.#over;
    if (over.feature === before.feature && over.position === before.position && over.error === before.error)
      return;
    this.#over = over;
    this.#repaint();
  }

  /** The pointer is on a bar of the side: its feature colours the text, and the side stays as it is. */
  #preview(feature: number | null): void {
    this.#hover(feature === null ? NOWHERE : { ...NOWHERE, feature, position: this.#state.looked.index });
  }

  #select(index: number): void {
    const row = this.#data.at(this.get("order"), this.#find, index);
    if (!row) return;
    this.#over = NOWHERE;
    this.choose({ feature: row.feature });
    this.#at = index; // after the traits: what is set from outside forgets it
    this.update();
  }

  override acts(): Record<string, (() => void) | false> {
    const last = this.#data.count - 1;
    const { position, feature, order } = this.#state;
    const to = (next: number) => {
      this.#over = NOWHERE;
      this.choose({ position: Math.max(0, Math.min(last, next)) });
      this.#reveal();
    };
    const turn = (by: number) => {
      const next = ORDERS[ORDERS.indexOf(order as "max") + by];
      if (next) this.#reorder(next);
    };
    const step = (by: number) => {
      const total = this.#data.total(order, this.#find) ?? 0;
      const from = this.#at ?? this.#place() ?? (by > 0 ? -1 : 1);
      const next = Math.max(0, Math.min(total - 1, from + by));
      this.#board.revealRow(next);
      this.#select(next);
    };
    return {
      ArrowLeft: () => to(position === null ? last : position - 1),
      ArrowRight: () => to(position === null ? 0 : position + 1),
      Home: () => to(0),
      End: () => to(last),
      ArrowUp: () => step(-1),
      ArrowDown: () => step(1),
      p: feature !== null && (() => this.#pin(feature)),
      "[": () => turn(-1),
      "]": () => turn(1),
      "+": () => this.#board.rescale(1),
      "-": () => this.#board.rescale(-1),
      Escape: () => {
        this.#over = NOWHERE;
        this.choose(
          position !== null || feature !== null ? { position: null, feature: null } : { pinned: [] },
        );
      },
    };
  }

  /** Where the selected feature stands in the list, as far as the list is here. */
  #place(): number | null {
    const { order, find, feature } = this.#state;
    const [first, last] = this.#board.seen;
    const far = Math.max(last, first + this.info.rows - 1); // the list may just have grown
    for (let i = first; i <= far; i++) if (this.#data.at(order, find, i)?.feature === feature) return i;
    return null;
  }

  override changed(trait: string): void {
    if (trait === "feature" || trait === "order") this.#at = null;
    if (trait === "_view") {
      this.#over = NOWHERE;
      this.#at = null;
      this.#board.restart(true);
    }
    if (trait === "position") this.#reveal();
  }

  #reveal(): void {
    const position = this.get<number | null>("position");
    if (position !== null) this.#text.strip.reveal(position);
    this.#board.reveal(position);
  }

  // What is drawn.

  draw(): void {
    const state = this.#state;
    const total = this.#data.total(state.order, state.find);
    this.#order.set(state.order);
    this.#typing.update(this.get("text"), this.#why);
    if (this.#at === null && state.feature !== null) this.#at = this.#place();
    this.#search.say(total, state.find);
    this.#board.draw(state, total, this.#at);
    this.frame.setCheck(this.info.check);
    this.#repaint();
  }

  /** Why no other text can be typed. */
  get #why(): string | null {
    if (this.model.isStatic) return "Typing another text needs Python: open the notebook.";
    const { fixed } = this.info;
    return fixed && `Typing another text needs a trace of a text: this view shows ${fixed}.`;
  }

  /** What a pointer changes: the colours of the text, the lines through the matrix, the side, the words. */
  #repaint(): void {
    if (!this.scales || this.signal.aborted) return;
    const state = this.#state;
    this.#text.draw(state, this.colours.ink);
    this.#board.paint(state);
    this.#side.update(state);
    this.frame.say(statusWords(this.#data, state));
  }

  // What is saved.

  drawing(): Drawing {
    const state = this.#state;
    const [first, last] = this.#board.seen;
    const rows = state.pinned.map((f) => this.#data.row(f));
    for (let i = first; i <= last; i++) rows.push(this.#data.at(state.order, state.find, i));
    const { row } = state.colouring;
    const ends = this.#painting.ends(null);
    return draw({
      ...{ title: this.get<string>("title"), about: this.#board.about, status: this.frame.status, state },
      ...{ strip: this.#text.strip.el, colours: this.colours, columns: this.#board.columns },
      ground: (i) => this.#painting.token(i, row)?.swatch ?? null,
      texts: this.info.tokens.texts,
      rows: rows.flatMap((found) =>
        found
          ? [{ row: found, strip: this.#painting.strip(found), value: shortly(found[state.order as "max"]) }]
          : [],
      ),
      ...{ error: this.#painting.error(), errorColour: this.#painting.missColour },
      ...{ ends, scale: this.#painting.scaleOf(ends), headInk: (i) => this.#board.ink(i) },
    });
  }
}

export default widget((context) => new FeaturePage(context));
