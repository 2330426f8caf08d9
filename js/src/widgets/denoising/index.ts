// DenoisingView: a text as a masked-diffusion model uncovered it, with a slider over its steps.

import { Chooser } from "../../core/controls";
import { div, h, watchWidth } from "../../core/dom";
import type { ChoiceBlock } from "../../core/expected";
import { allDigits, label } from "../../core/format";
import type { RenderContext } from "../../core/host";
import { type Ends, layers, type Swatch, shortly, swatchOf } from "../../core/linear";
import { Page, widget } from "../../core/page";
import { countsOf, RangeLegend } from "../../core/range_legend";
import type { Drawing } from "../../core/save";
import { TokenStrip } from "../../core/tokens";
import valueStyles from "../../core/values.css";
import type { NDArray } from "../../core/wire";
import styles from "./denoising.css";
import { draw } from "./drawing";
import { Matrix } from "./matrix";
import { Player } from "./player";
import { featureName, guesses, type Place, Run, type Show, type ViewInfo } from "./run";
import { Side } from "./side";

const TRAITS = ["step", "position", "feature", "show"] as const;
const KEYS = [
  ["hover · click", "what else it could be · pin"],
  ["Space", "play, stop"],
  ["[  ]", "one step back, forward"],
  ["↑ ↓", "the same"],
  ["← →", "move the pin"],
  ["Home  End", "the beginning, the end of the run"],
  ["Esc", "release the pin"],
] as const;

class DenoisingPage extends Page<ViewInfo> {
  #hover: Place | null = null;
  #run: Run | null = null;
  #shows: Chooser<string>;
  #features: Chooser<number>;
  #offered: ViewInfo | null = null;
  #player: Player;
  #strip: TokenStrip;
  #legend = new RangeLegend();
  #note = h("p", { class: "iw-note dn-note" });
  #matrix: Matrix;
  #side: Side;
  /** One scale for the whole run: a colour means the same in every state. */
  #all: { show: string; kept: number; values: number[]; ends: Ends } | null = null;

  constructor(context: RenderContext) {
    super(context, { styles: valueStyles + styles, keys: KEYS, traits: TRAITS });
    const { signal } = this;
    this.#shows = new Chooser("colour", (show) => this.choose({ show }));
    this.#features = new Chooser("feature", (feature) => this.choose({ feature, show: "feature" }));
    this.#player = new Player((step) => this.#go(step), signal);
    const hover = (place: Place | null) => {
      if (place?.state === this.#hover?.state && place?.position === this.#hover?.position) return;
      this.#hover = place;
      this.update();
    };
    this.#strip = new TokenStrip(
      "The text in this state",
      {
        hover: (i) => hover(i === null ? null : { state: this.#step, position: i }),
        click: (i) => this.choose({ position: this.#pinned === i ? null : i }),
      },
      signal,
    );
    this.#matrix = new Matrix(
      {
        hover,
        click: ({ state, position }) => {
          this.#player.stop();
          this.choose({ step: state, position });
        },
        resized: () => this.update(),
      },
      signal,
    );
    this.#side = new Side((kept) => {
      this.choose({ feature: this.info.features[kept]!.feature, show: "feature" });
    }, signal);
    this.frame.controls.append(this.#shows.el, this.#features.el);
    const main = div(
      "dn-main",
      ...[this.#player.el, this.#strip.el, this.#legend.el, this.#note, this.#matrix.el],
    );
    this.frame.body.append(div("dn iw-dressed", main, this.#side.el));
    watchWidth(this.#strip.el, signal, () => this.#reveal());
    this.start();
  }

  get #step(): number {
    return this.get<number>("step");
  }

  get #pinned(): number | null {
    return this.get<number | null>("position");
  }

  get #show(): Show {
    return this.get<Show>("show");
  }

  /** The selected feature among those kept. */
  get #kept(): number {
    const at = this.info.features.findIndex((f) => f.feature === this.get("feature"));
    return Math.max(at, 0);
  }

  // What a reader does.

  #go(step: number): void {
    this.choose({ step: Math.max(0, Math.min(this.info.steps, step)) });
  }

  #reveal(): void {
    if (this.#pinned !== null) this.#strip.reveal(this.#pinned);
  }

  #pin(position: number): void {
    this.#hover = null;
    this.choose({ position: Math.max(0, Math.min(this.info.filled.length - 1, position)) });
    this.#reveal();
  }

  override acts(event: KeyboardEvent): Record<string, (() => void) | false> {
    const turn = (by: number) => () => {
      this.#player.stop();
      this.#go(this.#step + by);
    };
    // A button under the focus is pressed by the space bar itself.
    const onButton = (event.composedPath()[0] as Element).tagName === "BUTTON";
    return {
      " ": !onButton && (() => this.#player.toggle()),
      "[": turn(-1),
      "]": turn(1),
      ArrowUp: turn(-1),
      ArrowDown: turn(1),
      Home: turn(-this.info.steps),
      End: turn(this.info.steps),
      ArrowLeft: () => this.#pin((this.#pinned ?? this.info.filled.length) - 1),
      ArrowRight: () => this.#pin((this.#pinned ?? -1) + 1),
      Escape: () => {
        this.#player.stop();
        this.choose({ position: null });
      },
    };
  }

  override changed(trait: string): void {
    if (trait === "_view") {
      this.#run = null;
      this.#all = null;
      this.#player.stop();
    }
    if (trait !== "position") return;
    this.update();
    this.#reveal();
  }

  // What is drawn.

  #load(): Run | null {
    if (this.#run) return this.#run;
    const { info } = this;
    const numbers = this.answers.wanted<{ probability: NDArray; entropy: NDArray }>("numbers", {});
    const values = info.features.length ? this.answers.wanted<{ values: NDArray }>("values", {}) : null;
    if (!numbers || values === undefined) return null;
    const [probability, entropy] = [numbers.probability.data, numbers.entropy.data];
    this.#run = new Run(info, { probability, entropy, values: values?.values ?? null });
    // Hovering costs no message: what it shows is fetched now.
    for (const start of this.#run.starts) this.#block(start);
    return this.#run;
  }

  #block(start: number): ChoiceBlock | undefined {
    return this.answers.wanted<ChoiceBlock>("guesses", { start }, { lane: `guesses ${start}` });
  }

  #offer(): void {
    const { info } = this;
    if (this.#offered !== info) {
      this.#offered = info;
      const shows = ["filled", "probability", "entropy", ...(info.features.length ? ["feature"] : [])];
      this.#shows.offer(
        shows.map((value) => ({ value, label: value })),
        this.#show,
      );
      this.#features.offer(
        info.features.map((f) => ({ value: f.feature, label: featureName(f) })),
        info.features[this.#kept]?.feature ?? 0,
      );
    }
    this.#shows.set(this.#show);
    const chosen = info.features[this.#kept];
    if (chosen) this.#features.set(chosen.feature);
    this.#features.el.hidden = this.#show !== "feature" || info.features.length < 2;
  }

  draw(): void {
    const { info } = this;
    this.frame.setCheck(info.check);
    this.#offer();
    this.#player.update(this.#step, info.steps);
    this.#strip.offer(info.tokens);
    this.#strip.mark(this.#pinned, this.#hover?.position ?? null);
    const run = this.#load();
    if (!run) {
      this.frame.say("…");
      return;
    }
    if (this.#all?.show !== this.#show || this.#all.kept !== this.#kept) {
      const values = run.all(this.#show, this.#kept);
      const ends = run.ends(this.#show, values);
      this.#all = { show: this.#show, kept: this.#kept, values, ends };
    }
    this.#strip.dress((position, span) => this.#dress(run, position, span));
    this.#drawLegend();
    this.#matrix.update(
      {
        ...{ run, step: this.#step, pinned: this.#pinned, hover: this.#hover },
        ...{ swatch: (place: Place) => this.#swatch(run, place), colours: this.colours },
      },
      this.frame.fonts,
    );
    this.#drawSide(run);
  }

  #swatch(run: Run, place: Place): Swatch | null {
    const value = run.value(this.#show, this.#kept, place);
    const { ends } = this.#all!;
    return value === null
      ? null
      : swatchOf(value, ends, ends.signed ? this.scales.signed : this.scales.plain);
  }

  /** What the model would write at an open position, if it had to now. */
  #guess(run: Run, place: Place): string {
    return guesses(run, place, (start) => this.#block(start))[0]?.text ?? "";
  }

  #dress(run: Run, position: number, span: HTMLElement): void {
    const place = { state: this.#step, position };
    const [open, swatch] = [run.isOpen(place), this.#swatch(run, place)];
    span.toggleAttribute("data-open", open);
    span.toggleAttribute("data-given", run.isGiven(position));
    span.style.background = swatch ? layers(swatch, 0, 20).join(",") : "";
    span.style.color = open ? "" : (swatch?.ink ?? "");
    span.style.setProperty("--guess", swatch?.ink || "var(--quiet)");
    const guess = open ? label(this.#guess(run, place), 40) : "";
    if (open) span.dataset.guess = guess;
    const value = run.value(this.#show, this.#kept, place);
    const number = value === null ? "" : `: ${this.#name} ${allDigits(value)}`;
    span.title = open ? `${position}: masked, now “${guess}”${number}` : `${position}${number}`;
    // What is still to come is told to nobody, a screen reader neither.
    if (open) span.setAttribute("aria-label", `masked, now ${guess}`);
    else span.removeAttribute("aria-label");
  }

  get #name(): string {
    const chosen = this.info.features[this.#kept];
    if (this.#show === "feature" && chosen) return `feature ${featureName(chosen)}`;
    return this.#show === "filled" ? "filled at step" : this.#show;
  }

  get #unit(): string {
    return { filled: "steps", probability: "", entropy: "nats", feature: "" }[this.#show];
  }

  #drawLegend(): void {
    const { values, ends } = this.#all!;
    const finite = values.filter(Number.isFinite);
    this.#legend.draw({
      ...{ name: this.#name, unit: this.#unit, ends },
      scale: ends.signed ? this.scales.signed : this.scales.plain,
      data: finite.length
        ? [finite.reduce((a, b) => Math.min(a, b)), finite.reduce((a, b) => Math.max(a, b))]
        : null,
      counts: countsOf(values, ends, () => false),
      ink: this.colours.ink,
    });
    const { order, temperature, seed, dictionary, site } = this.info;
    const how =
      temperature === 0
        ? "likeliest token"
        : `sampled at temperature ${shortly(temperature)}${seed === null ? "" : `, seed ${seed}`}`;
    const where = this.#show === "feature" ? ` Features of ${dictionary} at ${site}.` : "";
    this.#note.textContent =
      `Dotted: masked, with the present guess. Bold: given. Order: ${order.replaceAll("_", " ")}, ${how}.${where} ` +
      "Below, a row for each state; a dot is a mask, a line where one was filled.";
  }

  #drawSide(run: Run): void {
    const first = Math.max(
      this.info.filled.findIndex((step) => step > 0),
      0,
    );
    const place = this.#hover ?? { state: this.#step, position: this.#pinned ?? first };
    const why = this.#hover ? "Hovered" : this.#pinned !== null ? "Pinned" : "First masked";
    const choices = guesses(run, place, (start) => this.#block(start));
    this.#side.update({ run, place, why, choices, kept: this.#kept });
    const open = run.isOpen(place);
    const text = open
      ? `masked, now “${label(choices[0]?.text ?? "", 20)}”`
      : `“${label(this.info.tokens.texts[place.position]!, 20)}”`;
    const parts = [`after ${place.state} of ${this.info.steps} steps`, `position ${place.position} ${text}`];
    if (!run.isGiven(place.position)) parts.push(`probability ${shortly(run.probability(place))}`);
    if (this.#show === "feature") parts.push(`${this.#name} ${shortly(run.feature(this.#kept, place))}`);
    if (place.state === this.info.steps && this.info.likelihood !== null)
      parts.push(`log-likelihood ${shortly(this.info.likelihood)} nats`);
    this.frame.say(parts.join(" · "));
  }

  // What is saved.

  drawing(): Drawing {
    const run = this.#load();
    if (!run || !this.#all) return { width: 560, height: 60, paint: () => {} };
    const { ends } = this.#all;
    return draw({
      title: `${this.get<string>("title")} · ${this.#name} · after ${this.#step} of ${this.info.steps} steps`,
      ...{ strip: this.#strip.el, matrix: this.#matrix, colours: this.colours, pinned: this.#pinned },
      legend: `colour: ${this.#name}, linear from ${shortly(ends.low)} to ${shortly(ends.high)} ${this.#unit}`,
      status: this.frame.status,
      swatch: (position) => this.#swatch(run, { state: this.#step, position }),
      guess: (position) => {
        const place = { state: this.#step, position };
        return run.isOpen(place) ? this.#guess(run, place) : null;
      },
    });
  }
}

export default widget((context) => new DenoisingPage(context));
