// SteeringPanel: sliders that reach into a model, default beside steered.

import { div, ended, h } from "../../core/dom";
import type { RenderContext } from "../../core/host";
import { Page, widget } from "../../core/page";
import type { Drawing } from "../../core/save";
import { AddTargets } from "./add";
import { Asking, type Setting } from "./answered";
import { type Line, linesOf, type Row, type ViewInfo } from "./data";
import { draw } from "./drawing";
import { KlGauge } from "./gauge";
import { Hand } from "./hand";
import { NextToken } from "./next";
import { OptionControls, SAMPLING, samplingWords } from "./options";
import { Prompt } from "./prompt";
import { type RowState, TargetRow } from "./row";
import { legendOf, statesOf, watchedOf, wordsOf } from "./states";
import styles from "./steering.css";
import { Sweep } from "./sweep";
import { type Column, Texts } from "./texts";
import { Words } from "./words";
import { Writings } from "./writing";

const TRAITS = [
  "prompt",
  "strengths",
  "modes",
  "positions",
  "attention",
  "words",
  "limit",
  "target",
  ...SAMPLING,
];
const KEYS = [
  ["← →", "move the focused slider; with shift by a tenth of its range"],
  ["0", "the focused slider to neutral (or double-click it)"],
  ["[  ]", "previous, next target"],
  ["w  s", "write both texts again, stop writing"],
  ["Esc", "all neutral; again: as it was"],
] as const;
const FIXED = "This needs the notebook";

class SteeringPage extends Page<ViewInfo> {
  #asking = new Asking(this);
  #all = div("st");
  #options: OptionControls;
  #prompt: Prompt;
  #targets = div("st-targets");
  #legend = h("p", { class: "iw-note st-legend" });
  #rows = new Map<string, TargetRow>();
  #add: AddTargets;
  #gauge: KlGauge;
  #next = new NextToken();
  #words: Words;
  #texts: Texts;
  #sweep: Sweep;
  #writings: Writings;
  #hand: Hand;
  #known = "";
  #shown: { states: Map<string, RowState>; rows: Row[]; lines: Line[] } | null = null;

  constructor(context: RenderContext) {
    super(context, { styles, keys: KEYS, traits: TRAITS });
    const { signal } = this;
    this.#hand = new Hand(this);
    const act = (method: string, params: Record<string, unknown>) => this.#act(method, params);
    this.#options = new OptionControls((values) => this.choose(values), signal);
    this.frame.controls.append(...this.#options.els);
    this.#prompt = new Prompt((prompt) => prompt !== this.get("prompt") && act("prompt", { prompt }), signal);
    this.#add = new AddTargets(
      this.requests,
      { add: (text) => act("add", { text }), difference: (form) => act("difference", { ...form }) },
      signal,
    );
    this.#gauge = new KlGauge((limit) => this.choose({ limit }), signal);
    this.#words = new Words(
      this.requests,
      (text) => this.choose({ words: [...new Set([...this.get<string[]>("words"), text])] }),
      (at) => this.choose({ words: this.get<string[]>("words").filter((_, i) => i !== at) }),
      signal,
    );
    const failed = (error: unknown) => this.frame.fail(error);
    this.#writings = new Writings(this.requests, () => this.update(), failed);
    this.#texts = new Texts(
      () => this.#write(true),
      () => this.#stop(),
    );
    this.#sweep = new Sweep(
      this.requests,
      {
        params: () => ({ prompt: this.get("prompt"), words: this.get("words") }),
        add: (name) => act("add_swept", { name }),
        failed,
      },
      signal,
    );
    const left = div("st-left", this.#legend, this.#targets, this.#add.el, this.#gauge.el);
    const right = div("st-right", this.#next.el, this.#words.el);
    this.#all.append(this.#prompt.el, left, right, this.#texts.el, this.#sweep.el);
    this.frame.body.append(this.#all);
    ended(signal, () => this.#writings.stop());
    this.start();
  }

  // What a reader does.

  get #fixed(): string | null {
    return this.model.isStatic ? FIXED : null;
  }

  /** An act that changes the panel: each is asked anew, also when it was asked before. */
  #act(method: string, params: Record<string, unknown>): void {
    this.frame.fail(null);
    const act = String(Math.random());
    this.requests.ask(method, { ...params, act }, `act ${act}`).catch((error) => this.frame.fail(error));
  }

  #step(by: number): void {
    const name = this.#hand.beside(by);
    if (name === undefined) return;
    this.#hand.touch(name);
    this.#rows.get(name)?.el.querySelector<HTMLElement>(".st-slider")?.focus();
  }

  override acts(): Record<string, (() => void) | false> {
    return {
      Escape: () => this.#hand.release(),
      "[": () => this.#step(-1),
      "]": () => this.#step(1),
      w: !this.#fixed && (() => this.#write(true)),
      s: !this.#fixed && (() => this.#stop()),
    };
  }

  override changed(trait: string): void {
    if (trait === "prompt" || trait === "_view") this.#asking.forget();
    if (trait === "strengths") this.#hand.drop();
    if (trait === "target") this.#hand.touched = this.get("target");
  }

  // Texts.

  get #ways(): string[] {
    const attention = this.get<string>("attention");
    return attention === "both" ? ["live", "frozen"] : [attention];
  }

  #stop(): void {
    this.#writings.stop();
    this.update();
  }

  #write(anew = false): void {
    if (this.info.writes !== null || !this.#shown) return;
    const shared = { ...this.#sampling, prompt: this.get("prompt"), edition: this.info.edition };
    const steered = { rows: this.#shown.rows, positions: this.get("positions") };
    this.#writings.start(shared, steered, this.#ways, anew);
    if (anew) this.update();
  }

  get #sampling(): Record<string, number> {
    return Object.fromEntries(SAMPLING.map((name) => [name, this.get<number>(name)]));
  }

  get #columns(): Column[] {
    return this.#writings.columns(this.#ways, (this.#shown?.rows.length ?? 0) > 0);
  }

  // What is drawn.

  /** The rows of the targets that there are now. */
  #build(): void {
    const { targets } = this.info;
    const known = JSON.stringify(targets);
    if (known === this.#known) return;
    this.#known = known;
    const hand = this.#hand;
    hand.drop();
    this.#rows.clear();
    if (!targets.some((one) => one.name === hand.touched)) hand.touched = null;
    for (const target of targets) {
      const { name } = target;
      const events = {
        chosen: () => hand.touch(name),
        touched: () => hand.touch(name),
        moved: (value: number) => hand.move(name, value),
        rested: () => hand.rest(),
        typed: (value: number | null) => hand.set(name, value),
        neutral: () => hand.set(name, hand.neutralOf(name)),
        mode: (mode: string) => hand.mode(name, mode),
        toggled: () => hand.toggle(name),
        removed: () => this.#act("remove", { name }),
      };
      this.#rows.set(name, new TargetRow(target, () => this.frame.fonts, events, this.signal));
    }
    const empty = h(
      "p",
      { class: "st-empty" },
      this.model.isStatic
        ? "Nothing steers in this saved page. In the notebook targets can be added."
        : "Nothing steers yet. Add a target below: type a number, a word or “head 2.1”.",
    );
    this.#targets.replaceChildren(
      ...(targets.length ? [...this.#rows.values()].map((row) => row.el) : [empty]),
    );
  }

  /** All that the answers depend on. */
  get #setting(): Setting {
    const { info } = this;
    const hand = this.#hand;
    const traits = ["prompt", "positions", "attention"].map((name) => [name, this.get(name)]);
    return {
      info,
      strengths: hand.strengths,
      modes: Object.fromEntries(info.targets.map(({ name }) => [name, hand.modeOf(name)])),
      place: { ...Object.fromEntries(traits), edition: info.edition },
      words: this.get("words"),
      limit: this.get("limit"),
      touched: hand.touched ?? this.get<string | null>("target"),
      moving: hand.moving,
    };
  }

  override draw(): void {
    this.#build();
    const setting = this.#setting;
    const { info, moving, limit } = setting;
    const fixed = this.#fixed;
    const answered = this.#asking.now(setting);
    const { exact, curve, at, rows, divergence } = answered;
    // What Python gave back under the limit is what the handle shows.
    if (moving && exact?.limited && !fixed) {
      this.#hand.correct(exact.applied);
      this.draw();
      return;
    }
    const watched = watchedOf(setting, answered);
    const states = statesOf(setting, answered, { watched, fixed, colours: this.colours });
    const lines = linesOf(exact ?? (curve ? null : answered.last), curve, at);
    this.#shown = { states, rows, lines };
    for (const [name, state] of states) this.#rows.get(name)!.update(state);
    const limited = exact?.limited || [...states.values()].some((state) => state.limited);
    this.#legend.textContent = legendOf(setting, answered);
    this.#all.toggleAttribute("data-both", this.#ways.length > 1);
    this.#next.update(lines, this.#ways, !exact && !curve);
    this.#words.update(watched, fixed);
    const values = divergence?.values ?? null;
    this.#gauge.update({ values, exact: divergence?.exact ?? false, limit, limited, fixed });
    if (!moving || this.#options.eager) this.#write();
    const sampling = this.#sampling;
    this.#texts.update({
      ...{ columns: this.#columns, sampling: samplingWords(sampling), reason: info.writes, fixed },
      writing: this.#writings.busy,
      stale: moving && !this.#options.eager,
    });
    const positions = this.get<string | number>("positions");
    const reach =
      positions === "all" ? null : (i: number) => positions === "prompt" || i >= Number(positions);
    const { frozen } = info;
    this.#prompt.update(this.get("prompt"), info.tokens, reach, frozen, fixed);
    const tokens = info.tokens.texts.length;
    this.#options.update({ positions, attention: this.get("attention"), tokens, frozen, fixed, sampling });
    this.#add.update(info, fixed);
    this.#sweep.update(info.sweep, setting.words, fixed);
    this.frame.say(wordsOf(answered, watched, limited, fixed !== null));
  }

  override drawing(): Drawing {
    const { states, lines } = this.#shown ?? { states: new Map<string, RowState>(), lines: [] };
    return draw({
      rows: [...states].map(([name, state]) => ({
        ...{ name, label: this.#rows.get(name)!.target.label, state },
        range: this.#rows.get(name)!.range(state.mode, state.value),
      })),
      ...{ lines, legend: this.#legend.textContent ?? "", gauge: this.#gauge.words },
      ...{ columns: this.#columns, colours: this.colours },
    });
  }
}

export default widget((context) => new SteeringPage(context));
