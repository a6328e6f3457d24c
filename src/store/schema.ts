/** The tables, as Kysely sees them. Times are UTC ms, money is nano-dollars, JSON is text decoded at the edge of each noun. */

import type { Generated } from "kysely";

type Row = { tenant: string; id: string };

export type Schema = {
  goals: Row & {
    title: string;
    text: string;
    category: string | null;
    source: string;
    pipeline: string | null;
    priority: string;
    status: string;
    pause: string | null;
    reason: string | null;
    rehearsal: number;
    cap: number;
    allowed: number;
    plan_version: number;
    failures: number;
    changes: number;
    context_version: number;
    quote: string | null;
    created_at: number;
    ended_at: number | null;
  };
  plans: { tenant: string; goal_id: string; version: number; plan: string; why: string | null; created_at: number };
  tasks: Row & {
    goal_id: string;
    key: string;
    kind: string;
    phase: string;
    skill: string;
    brief: string;
    criteria: string;
    reviewers: string;
    status: string;
    revision: number;
    round_start: number;
    unmet: number;
    priority: string;
    rehearsal: number;
    attempts: number;
    epoch: number;
    lease_owner: string | null;
    lease_until: number | null;
    run_at: number;
    rejections: number;
    reason: string | null;
    score: number | null;
    verdict: string | null;
    model: string | null;
    variants: Generated<number>;
    deliverable_id: string | null;
    created_at: number;
    started_at: number | null;
    ended_at: number | null;
  };
  task_needs: { tenant: string; task_id: string; need_id: string };
  deliverables: Row & {
    goal_id: string;
    task_id: string;
    revision: number;
    origin: string;
    skill: string;
    body: string;
    hash: string;
    missing: string;
    warnings: string;
    score: number | null;
    summary: string | null;
    facts: string;
    answers: Generated<string>;
    claims: Generated<string>;
    created_at: number;
  };
  /** Several versions of one task, made side by side; the winner is a deliverable as well. */
  variants: {
    tenant: string;
    task_id: string;
    revision: number;
    variant: number;
    angle: string;
    body: string;
    missing: string;
    warnings: string;
    model: string;
    outcome: string;
    note: string;
    created_at: number;
  };
  contradictions: Row & {
    goal_id: string;
    kind: string;
    subject: string;
    found_by: string;
    wrong_task_id: string;
    wrong_quote: string;
    right_source: string;
    right_quote: string;
    note: string;
    status: string;
    created_at: number;
  };
  /** One replay of a stored task with and without a learning. */
  trials: {
    tenant: string;
    learning_id: string;
    task_id: string;
    winner: string;
    reason: string;
    rehearsal: number;
    created_at: number;
  };
  reviews: Row & {
    goal_id: string;
    task_id: string;
    deliverable_id: string;
    revision: number;
    reviewer: string;
    verdict: string;
    score: number | null;
    scores: string;
    findings: string;
    created_at: number;
  };
  calls: Row & {
    goal_id: string;
    subject: string;
    revision: number;
    step: string;
    round: number;
    attempt: number;
    state: string;
    skill: string | null;
    model: string;
    request_hash: string;
    parts: string;
    hold: number;
    cost: number;
    scopes: string;
    usage: string;
    stop: string | null;
    flags: string;
    learnings: string;
    reply: string | null;
    rehearsal: number;
    process_id: string;
    started_at: number;
    answered_at: number | null;
    ended_at: number | null;
  };
  scopes: {
    tenant: string;
    kind: string;
    id: string;
    rehearsal: number;
    spent: number;
    held: number;
    allowed: number;
    level: string;
  };
  learnings: Row & {
    statement: string;
    key: string;
    skill: string | null;
    category: string | null;
    tags: string;
    confidence: number;
    evidence: string;
    status: string;
    origin: string;
    rehearsal: number;
    goal_id: string | null;
    task_id: string | null;
    created_at: number;
  };
  questions: Row & {
    goal_id: string;
    task_id: string | null;
    kind: string;
    title: string;
    detail: string;
    approve_means: string;
    reject_means: string;
    status: string;
    answer: string | null;
    fingerprint: string | null;
    rehearsal: number;
    created_at: number;
    answered_at: number | null;
  };
  contexts: { tenant: string; version: number; body: string; hash: string; created_at: number };
  /** Files written to the workspace: what we wrote last, so that a person's edit is seen and kept. */
  files: { tenant: string; path: string; hash: string; task_id: string | null; written_at: number };
  processes: { tenant: string; id: string; host: string; pid: number; started: string; heartbeat_at: number };
  events: {
    seq: Generated<number>;
    tenant: string;
    at: number;
    type: string;
    goal_id: string | null;
    task_id: string | null;
    rehearsal: number;
    data: string;
  };
  meta: { key: string; value: string };
  /** Events from outside, and the team's own that are answered. */
  inbox: Row & {
    source: string;
    key: string;
    hash: string;
    type: string;
    their_type: string | null;
    may_ask: number;
    happened_at: number | null;
    data: string;
    rehearsal: number;
    received_at: number;
    decision: string;
    reason: string;
    pipeline: string | null;
    topic: string | null;
    goal_id: string | null;
    started_at: number | null;
    due_at: number | null;
    burst_at: number | null;
    burst: number;
    replays: string | null;
  };
  /** How far the ticks of a schedule are decided. */
  schedules: { tenant: string; name: string; rehearsal: number; spec: string; considered: number; paused_at: number | null };
  /** What became of a tick. It is decided once. */
  schedule_ticks: {
    tenant: string;
    name: string;
    rehearsal: number;
    at: number;
    outcome: string;
    reason: string | null;
    detail: string | null;
    missed: number;
    goal_id: string | null;
    decided_at: number;
  };
  /** What a person is to be told, once a key. */
  notices: Row & {
    key: string;
    kind: string;
    subject: string;
    goal_id: string | null;
    urgent: number;
    title: string;
    text: string;
    rehearsal: number;
    at: number;
    created_at: number;
  };
  /** One notice on its way to one channel; those that go together share a message. */
  notice_sends: {
    tenant: string;
    notice_id: string;
    channel: string;
    state: string;
    due_at: number;
    message_id: string | null;
    message_at: number | null;
    attempts: number;
    lease_until: number | null;
    problem: string | null;
    ended_at: number | null;
  };
};
