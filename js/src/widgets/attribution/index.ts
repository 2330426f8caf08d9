// AttributionView: which part of the model wrote a logit.

import { largest } from "../../core/bars";
import { ChosenToken } from "../../core/chosen";
import { div, h } from "../../core/dom";
import { Finder } from "../../core/find";
import { digits, label } from "../../core/format";
import type { RenderContext } from "../../core/host";
import { Legend } from "../../core/legend";
import { Page, widget } from "../../core/page";
import { PartBars, partbarsStyles } from "../../core/partbars";
import { pickerStyles } from "../../core/picker";
import { type Drawing, shifted } from "../../core/save";
import { TokenStrip } from "../../core/tokens";
import styles from "./attribution.css";
import { type Attribution, others, reach, type Sources, type ViewInfo } from "./data";
import { Picture } from "./picture";

const TRAITS = ["position", "layer", "head", "token", "contrast"] as const;
const KEYS = [
  ["hover · click", "read a part · choose a head, a token"],
  ["arrows", "move to another layer or head"],
  ["[  ]", "previous, next position"],
  ["Esc", "back to the head that matters most"],
] as const;
const PARTS = 12;
const SOURCES = 8;
const SLIGHT = 1e-4; // of the largest: smaller sources are only summed up
const SHORT = 24; // texts one can overlook need no search

class AttributionPage extends Page<ViewInfo> {
  #picture: Picture;
  #strip: TokenStrip;
  #finder: Finder;
  #token: ChosenToken;
  #contrast: ChosenToken;
  #parts: PartBars;
  #sources: PartBars;
  #legend = new Legend();
  #stripNote = h("p", { class: "iw-note" });
  #partsNote = h("p", { class: "iw-note" });
  #sourcesNote = h("p", { class: "iw-note" });
  #partsRest = h("p", { class: "iw-note iw-others" });
  #sourcesRest = h("p", { class: "iw-note iw-others" });
  #legendNote = h("p", { class: "iw-note" });
  #shownParts: number[] = [];
  #shownSources: number[] = [];
  #hoverPart: number | null = null;
  #hoverToken: number | null = null;
  #last: Attribution | null = null;

  constructor(context: RenderContext) {
    super(context, { styles: pickerStyles + partbarsStyles + styles, keys: KEYS, traits: TRAITS });
    const { signal } = this;
    this.#token = new ChosenToken(
      "logit of",
      "another token",
      this.requests,
      (token) => this.choose({ token: token?.id ?? null }),
      signal,
    );
    this.#contrast = new ChosenToken(
      "minus",
      "second token",
      this.requests,
      (token) => this.choose({ contrast: token?.id ?? null }),
      signal,
    );
    this.frame.controls.append(this.#token.el, this.#contrast.el);
    this.#picture = new Picture(
      () => this.frame.fonts,
      { hover: (part) => this.#setHover(part), click: (part) => this.#choosePart(part) },
      signal,
    );
    this.#parts = new PartBars(
      {
        hover: (at) => this.#setHover(at === null ? null : (this.#shownParts[at] ?? null)),
        click: (at) => this.#choosePart(this.#shownParts[at]!),
      },
      signal,
    );
    this.#sources = new PartBars(
      {
        hover: (at) => this.#setHoverToken(at === null ? null : (this.#shownSources[at] ?? null)),
        click: (at) => this.#goTo(this.#shownSources[at]!),
      },
      signal,
    );
    this.#strip = new TokenStrip(
      "Tokens",
      { hover: (i) => this.#setHoverToken(i), click: (i) => this.#goTo(i) },
      signal,
    );
    this.#finder = new Finder(
      () => this.info.tokens.texts,
      (i) => {
        this.#goTo(i);
        this.#strip.reveal(i);
      },
      signal,
    );
    const text = div("dla-text", this.#stripNote, this.#finder.el, this.#strip.el);
    const main = div("dla-main", this.#picture.el, div("dla-legend", this.#legend.el, this.#legendNote));
    this.frame.body.append(
      text,
      div(
        "dla",
        main,
        h("div", {}, this.#partsNote, this.#parts.el, this.#partsRest),
        h("div", {}, this.#sourcesNote, this.#sources.el, this.#sourcesRest),
      ),
    );
    this.start();
    this.#strip.reveal(this.get("position"));
  }

  get #here() {
    const of = (name: string) => this.get<number | null>(name);
    return { position: this.get<number>("position"), token: of("token"), contrast: of("contrast") };
  }

  get #selected() {
    return { layer: this.get<number>("layer"), head: this.get<number>("head") };
  }

  // What a reader does.

  #goTo(position: number): void {
    if (this.info.live) this.choose({ position });
  }

  #choosePart(part: number): void {
    const found = this.#last;
    if (found?.kinds[part] === "head") this.choose({ layer: found.layers[part], head: found.heads[part] });
  }

  #setHover(part: number | null): void {
    if (part === this.#hoverPart) return;
    this.#hoverPart = part;
    this.update();
  }

  #setHoverToken(index: number | null): void {
    if (index === this.#hoverToken) return;
    this.#hoverToken = index;
    this.update();
  }

  override changed(trait: string): void {
    if (trait === "position") this.#strip.reveal(this.get("position"));
  }

  /** A layer with fewer heads: the last that exists. */
  override settle(): void {
    const { heads } = this.info;
    if (heads.length === 0) return;
    const layer = Math.max(0, Math.min(heads.length - 1, this.get<number>("layer")));
    if (layer !== this.get("layer")) this.model.set("layer", layer);
    const head = Math.max(0, Math.min(heads[layer]! - 1, this.get<number>("head")));
    if (head !== this.get("head")) this.model.set("head", head);
  }

  override acts(): Record<string, (() => void) | false> {
    const { layer, head } = this.#selected;
    const move = (by: number) => {
      const to = this.get<number>("position") + by;
      if (to < 0 || to >= this.info.tokens.texts.length) return;
      this.#goTo(to);
      this.#strip.reveal(to);
    };
    return {
      ArrowUp: () => this.choose({ layer: layer - 1 }),
      ArrowDown: () => this.choose({ layer: layer + 1 }),
      ArrowLeft: () => this.choose({ head: head - 1 }),
      ArrowRight: () => this.choose({ head: head + 1 }),
      "[": () => move(-1),
      "]": () => move(1),
      Escape: () => {
        const strongest = this.#last?.strongest;
        if (strongest) this.choose({ layer: strongest[0], head: strongest[1] });
      },
    };
  }

  // What is drawn.

  draw(): void {
    const found = this.answers.wanted<Attribution>("attribution", this.#here);
    this.#last = found ?? this.#last;
    // The last answer stays while the next is on its way; the status line and its chip say so.
    const shown = this.#last;
    if (shown) this.#drawParts(shown);
    const sources = found ? this.#drawSources() : undefined;
    this.#drawStatus(found, sources);
  }

  #drawParts(found: Attribution): void {
    const { layer, head } = this.#selected;
    const free = this.get("token") === null;
    this.#token.show(found.token.text, free);
    this.#contrast.show(found.contrast?.text ?? null, false);
    this.#picture.update({
      found,
      heads: this.info.heads,
      selected: this.#selected,
      hovered: this.#hoverPart,
      scale: this.scales.signed,
      colours: this.colours,
    });
    const { data } = found.values;
    this.#legend.draw(this.scales.signed, reach(data));
    const odd = Array.from(data).some((value) => !Number.isFinite(value));
    this.#legendNote.textContent = `logits, square-root scale: orange adds, blue takes away${odd ? "; hatched is not a number" : ""}`;
    this.#shownParts = largest(data, PARTS, () => true);
    const { length } = this.#shownParts;
    const all = found.names.length === length;
    this.#partsNote.textContent = all ? "All parts, in logits" : `The ${length} largest parts, in logits`;
    this.#partsRest.textContent = others(data, this.#shownParts, found.names.length);
    this.#parts.draw(
      this.#shownParts.map((part) => ({
        name: found.names[part]!,
        value: data[part]!,
        chosen: found.layers[part] === layer && found.heads[part] === head,
        fixed: found.kinds[part] !== "head",
      })),
    );
  }

  #drawSources(): Sources | undefined {
    const { layer, head } = this.#selected;
    const { tokens, heads, live } = this.info;
    const exists = head < (heads[layer] ?? 0);
    const sources =
      exists && live ? this.answers.wanted<Sources>("sources", { ...this.#here, layer, head }) : undefined;
    const values = sources?.values.data ?? null;
    const { position } = this.#here;
    this.#finder.el.hidden = tokens.texts.length <= SHORT;
    this.#strip.offer(tokens);
    this.#strip.mark(position, this.#hoverToken);
    const top = values ? reach(values) : 1;
    this.#strip.paint(values, this.scales.signed, top, (i) => i <= position);
    this.#stripNote.textContent = !live
      ? "One record: other positions and tokens need the trace."
      : exists
        ? `The prediction after the token in the frame; colour is what head ${layer}.${head} took from each token. Click a token to move.`
        : "The prediction after the token in the frame. Click a token to move.";
    this.#sourcesNote.textContent = !exists
      ? "This model has no heads to split."
      : live
        ? `Head ${layer}.${head}, by the tokens it read`
        : "Splitting a head needs the trace.";
    const seen = (i: number) => i <= position && !(Math.abs(values![i]!) < SLIGHT * top);
    this.#shownSources = values ? largest(values, SOURCES, seen) : [];
    this.#sourcesRest.textContent = values ? others(values, this.#shownSources, position + 1) : "";
    this.#sources.draw(
      this.#shownSources.map((i) => ({
        index: i,
        name: label(tokens.texts[i] ?? "", 14),
        value: values![i]!,
        title: `Position ${i}: ${tokens.texts[i]}`,
      })),
    );
    return sources;
  }

  #drawStatus(found: Attribution | undefined, sources: Sources | undefined): void {
    if (!found) {
      this.frame.say("working out the parts …");
      this.frame.setCheck(null);
      return;
    }
    const { tokens, heads } = this.info;
    const { position } = this.#here;
    const { layer, head } = this.#selected;
    const quote = (text: string) => `“${label(text, 20)}”`;
    const signed = (value: number) => (value > 0 ? `+${digits(value)}` : digits(value));
    const what = found.contrast
      ? `logit of ${quote(found.token.text)} minus ${quote(found.contrast.text)}`
      : `logit of ${quote(found.token.text)}`;
    const parts = [
      `after ${position} ${quote(tokens.texts[position] ?? "")}`,
      `${what} ${digits(found.logit)}`,
    ];
    const at = found.kinds.findIndex(
      (kind, i) => kind === "head" && found.layers[i] === layer && found.heads[i] === head,
    );
    const chosen = this.#hoverPart ?? (at < 0 ? null : at);
    if (chosen !== null && (this.#hoverPart !== null || heads.length > 0))
      parts.push(`${found.names[chosen]} ${signed(found.values.data[chosen]!)}`);
    const from = this.#hoverToken;
    if (from !== null && sources)
      parts.push(
        from <= position
          ? `from ${from} ${quote(tokens.texts[from] ?? "")} ${signed(sources.values.data[from]!)}`
          : `${from} ${quote(tokens.texts[from] ?? "")} comes later`,
      );
    this.frame.say(parts.join(" · "));
    const broken = sources && !sources.check.holds;
    this.frame.setCheck(broken ? sources.check : found.check);
  }

  drawing(): Drawing {
    const inner = this.#picture.drawing;
    const words = this.frame.status;
    return {
      width: Math.max(inner.width, 320),
      height: inner.height + 28,
      paint: (pen) => {
        pen.text(0, 10, words, { colour: this.colours.ink, size: 12 });
        this.#picture.paint(shifted(pen, 0, 28));
      },
    };
  }
}

export default widget((context) => new AttributionPage(context));
