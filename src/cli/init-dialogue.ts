/** The dialogue of `init`: ten questions whose answers become the twelve sections. No model is asked. */

import { contextBody, type SectionName } from "../director/context/document.ts";

/** What the dialogue needs of a terminal. Null: the person wants to stop. */
export type Asker = {
  text(question: { title: string; example: string; initial: string }): Promise<string | null>;
  choose(title: string, choices: readonly { value: string; label: string }[]): Promise<string | null>;
  show(title: string, text: string): void;
};

type Question = {
  /** The sections that its answer goes to; a second one says where the answer came from. */
  readonly sections: readonly [SectionName, ...SectionName[]];
  readonly ask: string;
  readonly why: string;
  readonly example: string;
};

export const QUESTIONS: readonly Question[] = [
  {
    sections: ["Overview"],
    ask: "What is your product, for whom, and what does it do for them?",
    why: "Every text the team writes begins here.",
    example: "Fennick is booking software for physiotherapists: patients book and cancel online, free slots fill by themselves.",
  },
  {
    sections: ["Audience", "Personas"],
    ask: "Who buys it, and who uses it? Roles, and what each wants or fears.",
    why: "A page for everybody convinces nobody.",
    example: "Owners of clinics with 2 to 10 therapists decide (fear: empty slots); receptionists use it (want: fewer calls).",
  },
  {
    sections: ["Pains"],
    ask: "Which problems bring people to you? The worst first.",
    why: "People read on when they find their own problem in the first line.",
    example: "No-shows cost them hours a week; the phone rings during treatment; the calendar lives on paper.",
  },
  {
    sections: ["Competition"],
    ask: "What do people use instead, doing nothing included?",
    why: "You are compared with something, said or not.",
    example: "Paper calendars mostly; Doctolib; a receptionist with a spreadsheet.",
  },
  {
    sections: ["Differentiation"],
    ask: "What do you do better or differently, and why can one believe it?",
    why: "It is the reason to choose you, and it needs a proof.",
    example:
      "A cancelled slot is offered to the waiting list within a minute, by text; no other product does that for clinics this small.",
  },
  {
    sections: ["Objections", "Switching dynamics"],
    ask: "What makes people hesitate, and what makes them switch in the end?",
    why: "An objection that is answered early does not end the sale.",
    example:
      '"My older patients won\'t book online." They switch after a week with many no-shows, or when the receptionist leaves.',
  },
  {
    sections: ["Customer language"],
    ask: "How do customers say it themselves? Their words, as they are; words to avoid.",
    why: "Borrowed words sell better than invented ones.",
    example: '"I do the no-show calls in my lunch break." Avoid: practice management suite.',
  },
  {
    sections: ["Brand voice"],
    ask: "How should you sound, and what would you never say?",
    why: "Ten specialists should sound like one of you.",
    example: "Plain, warm, short sentences, like a colleague. Never: revolutionary, synergies, countdown timers.",
  },
  {
    sections: ["Proof points"],
    ask: "Which numbers, customers or quotes may be used? Where does each come from?",
    why: "Without a source a claim is marked as unverified, and stays out of the headline.",
    example: "412 paying clinics (billing, 12 Nov 2026). 31 % fewer no-shows in 40 clinics (own data, spring 2026).",
  },
  {
    sections: ["Goals"],
    ask: "What should get better now: which number, from where to where, by when?",
    why: "The Director plans towards it, and reports against it.",
    example: "Trial to paid: from 8 % to 12 % by the end of March.",
  },
];

export const BACK = "<";

export type DialogueEnd =
  | { readonly kind: "save"; readonly sections: ReadonlyMap<SectionName, string> }
  | { readonly kind: "stopped" | "empty" | "declined" };

/** Asks all questions, shows the document, and asks whether to save it. Writes nothing. */
export async function askForContext(asker: Asker): Promise<DialogueEnd> {
  const answers = QUESTIONS.map(() => "");
  const ask = async (i: number): Promise<"next" | "back" | "stop"> => {
    const { ask: title, why, example } = QUESTIONS[i] as Question;
    const given = await asker.text({
      title: `${i + 1} of ${QUESTIONS.length}. ${title}\n${why}`,
      example,
      initial: answers[i] ?? "",
    });
    if (given === null) return "stop";
    if (given.trim() === BACK) return "back";
    answers[i] = given.trim();
    return "next";
  };
  for (let i = 0; i < QUESTIONS.length;) {
    const went = await ask(i);
    if (went === "stop") return { kind: "stopped" };
    i = went === "back" ? Math.max(0, i - 1) : i + 1;
  }
  for (;;) {
    if (answers.every((answer) => answer === "")) return { kind: "empty" };
    const sections = toSections(answers);
    asker.show("Your product context", contextBody(sections, { rehearsal: false }));
    const choice = await asker.choose("Save it?", [
      { value: "save", label: "Save it" },
      { value: "change", label: "Change an answer" },
      { value: "no", label: "Do not save" },
    ]);
    if (choice === null) return { kind: "stopped" };
    if (choice === "save") return { kind: "save", sections };
    if (choice === "no") return { kind: "declined" };
    const which = await asker.choose(
      "Which one?",
      QUESTIONS.map(({ sections: names }, i) => ({ value: String(i), label: names.join(" and ") })),
    );
    if (which === null || (await ask(Number(which))) === "stop") return { kind: "stopped" };
  }
}

/** One answer for two sections stands in both, so that each reader finds it where it looks. */
function toSections(answers: readonly string[]): Map<SectionName, string> {
  const sections = new Map<SectionName, string>();
  QUESTIONS.forEach(({ sections: [first, ...others] }, i) => {
    const answer = answers[i] ?? "";
    if (answer === "") return;
    sections.set(first, answer);
    for (const other of others)
      sections.set(other, `${answer}\n\n(One answer for ${first} and ${other}: sort it when you know more.)`);
  });
  return sections;
}

/** A terminal's prompts on stderr; stdout is for the result. */
export async function terminalAsker(): Promise<Asker> {
  const { isCancel, note, select, text } = await import("@clack/prompts");
  const output = process.stderr;
  return {
    async text({ title, example, initial }) {
      const given = await text({ message: behindBar(title), placeholder: example, initialValue: initial, output });
      // An empty answer comes back as undefined.
      return isCancel(given) ? null : (given ?? "");
    },
    async choose(title, choices) {
      const chosen = await select({ message: title, options: choices.map(({ value, label }) => ({ value, label })), output });
      return isCancel(chosen) ? null : chosen;
    },
    show: (title, shown) => note(shown, title, { output }),
  };
}

/** Wrapped at words; the prompt draws its bar only before the first line of a message. */
function behindBar(message: string): string {
  const width = Math.max(20, Math.min(process.stderr.columns || 80, 100) - 4);
  return Bun.wrapAnsi(message, width).replaceAll("\n", "\n│  ");
}
