// The panel beside the text: what one place is, what it could have been, and which features fire there.

import { div, h, on } from "../../core/dom";
import { type Choice, Expected } from "../../core/expected";
import { allDigits, label } from "../../core/format";
import { shortly } from "../../core/linear";
import { featureName, type Place, type Run } from "./run";

const LISTED = 6;

export interface SideState {
  run: Run;
  place: Place;
  /** "Hovered", "Pinned", ... */
  why: string;
  choices: readonly Choice[];
  /** The feature that colours, among those kept. */
  kept: number;
}

export class Side {
  readonly el = div("dn-side");
  #heading = h("p", { class: "iw-note" });
  #facts = div("dn-facts");
  #expected = new Expected();
  #title = h("p", { class: "iw-note dn-gap" });
  #features = div("iw-bars");

  constructor(feature: (kept: number) => void, signal: AbortSignal) {
    this.el.append(this.#heading, this.#facts, this.#expected.el, this.#title, this.#features);
    on(
      this.#features,
      "click",
      (event) => {
        const row = (event.target as Element).closest<HTMLElement>("[data-kept]");
        if (row) feature(Number(row.dataset.kept));
      },
      signal,
    );
  }

  update({ run, place, why, choices, kept }: SideState): void {
    const { state, position } = place;
    const text = run.info.tokens.texts[position]!;
    const [open, given] = [run.isOpen(place), run.isGiven(position)];
    const step = run.info.filled[position]!;
    this.#heading.textContent = `${why}: position ${position} after ${state} of ${run.info.steps} steps`;
    const facts: [string, string, string][] = [["text", open ? `masked` : `“${label(text, 20)}”`, text]];
    if (given) facts.push(["given", "never masked", ""]);
    else facts.push([open ? "will be filled" : "filled", `step ${step} of ${run.info.steps}`, ""]);
    if (open) {
      const entropy = run.entropy(place);
      facts.push(["entropy", `${shortly(entropy)} nats`, allDigits(entropy)]);
    } else if (!given) {
      const chance = run.probability(place);
      facts.push(["probability then", shortly(chance), allDigits(chance)]);
    }
    this.#facts.replaceChildren(
      ...facts.flatMap(([name, value, title]) => [
        h("span", {}, name),
        h("span", { class: "iw-value", title: title || null }, value),
      ]),
    );
    this.#expected.el.hidden = !open;
    if (open) {
      const found = choices.find((choice) => choice.text.trim() === text.trim());
      this.#expected.draw("It could become: probability (in orange what it becomes)", choices, {
        ...{ id: found?.id ?? -1, text, probability: found ? found.probability : null },
      });
    }
    this.#title.hidden = this.#features.hidden = run.info.features.length === 0;
    if (!this.#title.hidden) this.#drawFeatures(run, place, kept);
  }

  #drawFeatures(run: Run, place: Place, kept: number): void {
    const found = run.firing(place, LISTED);
    this.#title.textContent = found.length
      ? `Features here: activation · click colours by it`
      : "No kept feature fires here.";
    const signed = found.some(({ value }) => value < 0);
    const far = Math.max(...found.map(({ value }) => (Number.isFinite(value) ? Math.abs(value) : 0)), 1e-30);
    this.#features.replaceChildren(
      ...found.flatMap((row) => {
        const name = featureName(run.info.features[row.kept]!);
        const share = Number.isFinite(row.value) ? Math.abs(row.value) / far : 0;
        return [
          h(
            "button",
            {
              ...{
                type: "button",
                class: "iw-name",
                "data-kept": row.kept,
                title: `Colour by feature ${name}`,
              },
              "aria-pressed": String(row.kept === kept),
            },
            label(name, 18),
          ),
          h(
            "div",
            {},
            h("div", {
              class: "iw-bar",
              style: `width:${(100 * share).toFixed(2)}%`,
              "data-sign": signed && (row.value < 0 ? "negative" : "positive"),
            }),
          ),
          h("div", { class: "iw-value", title: allDigits(row.value) }, shortly(row.value)),
        ];
      }),
    );
  }
}
