/** A plan from a category's route: three to seven skills that have most in common with the goal, in the route's phases. */

import type { PlanTask } from "../../domain/plan.ts";
import { slug } from "../../domain/id.ts";
import { chance } from "./chance.ts";
import type { Member, RouteStep, TeamShown } from "./team-shown.ts";
import { best, rank } from "./words.ts";

const FEWEST = 3;
const MOST = 7;

export type Chosen = { readonly member: Member; readonly phase: string };
type Phase = { readonly name: string; readonly gate: boolean; readonly members: readonly Member[] };

export type RoutePlan = {
  readonly phases: readonly { readonly name: string; readonly gate: boolean }[];
  readonly tasks: readonly (Omit<PlanTask, "brief" | "criteria" | "reviewers"> & { readonly member: Member })[];
};

/** Which skills do the work, in which phases, and who waits for whom. Empty when the route names nobody of the team. */
export function planRoute(goal: string, route: readonly RouteStep[], shown: TeamShown, seed: number): RoutePlan {
  const scores = rank(goal, shown.team.map(wordsOf));
  const scoreOf = (member: Member) => scores[shown.team.indexOf(member)] ?? 0;
  const phases = choose(candidates(route, shown), scoreOf, goal, seed).map((phase) => ({
    ...phase,
    members: inOrderOfNeeds(phase.members),
  }));
  const keys = new Map<Member, string>();
  const taken = new Set<string>();
  for (const member of phases.flatMap((phase) => phase.members)) {
    let key = slug(member.skill);
    for (let i = 2; taken.has(key); i++) key = `${slug(member.skill, 40)}-${i}`;
    taken.add(key);
    keys.set(member, key);
  }
  const tasks = phases.flatMap((phase, i) =>
    phase.members.map((member, j) => ({
      key: keys.get(member) ?? "",
      phase: phase.name,
      skill: member.skill,
      member,
      needs: needsOf(member, phases.slice(0, i), phase.members.slice(0, j), shown).map((need) => keys.get(need) ?? ""),
    })),
  );
  return { phases: phases.map(({ name, gate }) => ({ name, gate })), tasks };
}

/** What a member can be recognised by: its role counts, and so do the words of its name. */
export function wordsOf(member: Member): string {
  return `${member.skill.replace(/[-_]/g, " ")} ${member.role}`;
}

/** Who may work in which phase: a skill in the first phase that names it, squads that come last only behind all others. */
function candidates(route: readonly RouteStep[], shown: TeamShown): Phase[] {
  const isLast = (member: Member) => shown.lastSquads.includes(member.squad);
  const used = new Set<Member>();
  const merged = new Map<string, { gate: boolean; members: Member[] }>();
  const steps = route.map((step) => ({
    ...step,
    members: shown.team.filter((member) => step.squads.includes(member.squad) || step.skills.includes(member.skill)),
  }));
  const early = steps.filter((step) => step.members.some((member) => !isLast(member)));
  for (const step of [...early, ...steps.filter((step) => !early.includes(step))]) {
    const allowed =
      early.includes(step) && step !== early.at(-1) ? step.members.filter((member) => !isLast(member)) : step.members;
    const fresh = allowed.filter((member) => !used.has(member));
    for (const member of fresh) used.add(member);
    const known = merged.get(step.phase) ?? { gate: false, members: [] };
    merged.set(step.phase, { gate: known.gate || step.gate, members: [...known.members, ...fresh] });
  }
  return [...merged].map(([name, phase]) => ({ name, ...phase })).filter((phase) => phase.members.length > 0);
}

/** What a link to a chosen skill counts, beside words in common (which seldom count more than 1). */
const LINK = 0.15;

/** The best of each phase, then the best of the rest while they have much in common with the goal. */
function choose(phases: readonly Phase[], scoreOf: (member: Member) => number, goal: string, seed: number): Phase[] {
  const chosen = new Set<Member>();
  const linked = (member: Member) =>
    [...chosen].filter((other) => other.feeds.includes(member.skill) || member.needs.includes(other.skill));
  const seeded = (member: Member) => scoreOf(member) + linked(member).length * LINK + chance(seed, goal, member.skill) * 1e-6;
  for (const phase of phases.slice(0, MOST)) {
    const top = phase.members[best(phase.members.map(seeded))];
    if (top) chosen.add(top);
  }
  const rest = phases
    .flatMap((phase) => phase.members.filter((member) => !chosen.has(member)))
    .map((member) => ({ member, score: scoreOf(member), order: seeded(member) }))
    .sort((a, b) => b.order - a.order);
  const strong = Math.max(0, ...rest.map((entry) => entry.score)) / 2;
  for (const { member, score } of rest) {
    if (chosen.size >= MOST || (chosen.size >= FEWEST && (score === 0 || score < strong))) break;
    chosen.add(member);
  }
  return phases
    .map((phase) => ({ ...phase, members: phase.members.filter((member) => chosen.has(member)) }))
    .filter((phase) => phase.members.length > 0);
}

function inOrderOfNeeds(members: readonly Member[]): Member[] {
  const ordered: Member[] = [];
  let open = [...members];
  while (open.length > 0) {
    const free = open.filter((member) => !open.some((other) => other !== member && member.needs.includes(other.skill)));
    const next = free.length > 0 ? free : open.slice(0, 1);
    ordered.push(...next);
    open = open.filter((member) => !next.includes(member));
  }
  return ordered;
}

/** What the skill builds on, and what of the phase before feeds it; all of that phase when neither says anything. */
function needsOf(member: Member, earlier: readonly Phase[], before: readonly Member[], shown: TeamShown): Member[] {
  const isLast = (other: Member) => shown.lastSquads.includes(other.squad);
  const may = (other: Member) => isLast(member) || !isLast(other);
  const built = [...earlier.flatMap((phase) => phase.members), ...before].filter(
    (other) => member.needs.includes(other.skill) && may(other),
  );
  const previous = earlier.map((phase) => phase.members.filter(may)).findLast((members) => members.length > 0) ?? [];
  const fed = isLast(member) ? previous : previous.filter((other) => other.feeds.includes(member.skill));
  const needs = [...new Set([...built, ...fed])];
  return needs.length > 0 && needs.some((need) => previous.includes(need)) ? needs : [...new Set([...needs, ...previous])];
}
