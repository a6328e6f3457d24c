/** The schema's history. A migration that has shipped is never edited; a change is a new one at the end. */

export type Migration = { readonly name: string; readonly sql: (engine: "sqlite" | "postgres") => readonly string[] };

const initial: Migration = {
  name: "0001-initial",
  sql: (engine) => {
    const seq = engine === "sqlite" ? "integer primary key autoincrement" : "bigint generated always as identity primary key";
    // Order and comparison of text must not depend on a server's locale.
    const text = engine === "sqlite" ? "text" : 'text collate "C"';
    return [
      `create table goals (tenant ${text} not null, id ${text} not null, title text not null, text text not null, category text,
        source text not null, pipeline text, priority text not null, status text not null, pause text, reason text,
        rehearsal integer not null, cap bigint not null, allowed bigint not null, plan_version integer not null, failures integer not null,
        changes integer not null, context_version integer not null, quote text, created_at bigint not null, ended_at bigint, primary key (tenant, id))`,
      `create index goals_by_status on goals (tenant, status)`,
      `create table plans (tenant ${text} not null, goal_id ${text} not null, version integer not null, plan text not null, why text,
        created_at bigint not null, primary key (tenant, goal_id, version))`,
      `create table tasks (tenant ${text} not null, id ${text} not null, goal_id ${text} not null, key ${text} not null, kind text not null,
        phase text not null, skill text not null, brief text not null, criteria text not null, reviewers text not null, status text not null,
        revision integer not null, round_start integer not null, unmet integer not null, priority text not null, rehearsal integer not null,
        attempts integer not null, epoch bigint not null, lease_owner text, lease_until bigint, run_at bigint not null,
        rejections integer not null, reason text, score double precision, verdict text, model text, deliverable_id text,
        created_at bigint not null, started_at bigint, ended_at bigint, primary key (tenant, id), unique (tenant, goal_id, key))`,
      `create index tasks_to_claim on tasks (tenant, status, priority, run_at)`,
      `create index tasks_by_goal on tasks (tenant, goal_id)`,
      `create table task_needs (tenant ${text} not null, task_id ${text} not null, need_id ${text} not null, primary key (tenant, task_id, need_id))`,
      `create index task_needs_back on task_needs (tenant, need_id)`,
      `create table deliverables (tenant ${text} not null, id ${text} not null, goal_id ${text} not null, task_id ${text} not null,
        revision integer not null, origin text not null, skill text not null, body text not null, hash text not null, missing text not null,
        warnings text not null, score double precision, summary text, facts text not null, created_at bigint not null,
        primary key (tenant, id), unique (tenant, task_id, revision))`,
      `create index deliverables_by_goal on deliverables (tenant, goal_id)`,
      `create table reviews (tenant ${text} not null, id ${text} not null, goal_id ${text} not null, task_id ${text} not null,
        deliverable_id ${text} not null, revision integer not null, reviewer text not null, verdict text not null, score double precision,
        scores text not null, findings text not null, created_at bigint not null, primary key (tenant, id), unique (tenant, deliverable_id, reviewer))`,
      `create index reviews_by_task on reviews (tenant, task_id)`,
      `create table calls (tenant ${text} not null, id ${text} not null, goal_id ${text} not null, subject ${text} not null,
        revision integer not null, step text not null, round integer not null, attempt integer not null, state text not null, skill text,
        model text not null, request_hash text not null, parts text not null, hold bigint not null, cost bigint not null, scopes text not null,
        usage text not null, stop text, flags text not null, learnings text not null, reply text, rehearsal integer not null,
        process_id text not null, started_at bigint not null, answered_at bigint, ended_at bigint, primary key (tenant, id),
        unique (tenant, goal_id, subject, revision, step, round, attempt))`,
      `create index calls_by_state on calls (tenant, state)`,
      `create table scopes (tenant ${text} not null, kind text not null, id ${text} not null, rehearsal integer not null, spent bigint not null,
        held bigint not null, allowed bigint not null, level text not null, primary key (tenant, kind, id, rehearsal))`,
      `create table learnings (tenant ${text} not null, id ${text} not null, statement text not null, key text not null, skill text, category text,
        tags text not null, confidence double precision not null, evidence text not null, status text not null, origin text not null,
        rehearsal integer not null, created_at bigint not null, primary key (tenant, id))`,
      `create index learnings_by_skill on learnings (tenant, skill)`,
      `create table questions (tenant ${text} not null, id ${text} not null, goal_id ${text} not null, task_id text, kind text not null,
        title text not null, detail text not null, approve_means text not null, reject_means text not null, status text not null, answer text,
        rehearsal integer not null, created_at bigint not null, answered_at bigint, primary key (tenant, id))`,
      `create index questions_by_goal on questions (tenant, goal_id, status)`,
      `create table contexts (tenant ${text} not null, version integer not null, body text not null, hash text not null, created_at bigint not null,
        primary key (tenant, version))`,
      `create table files (tenant ${text} not null, path ${text} not null, hash text not null, task_id text, written_at bigint not null,
        primary key (tenant, path))`,
      `create table processes (tenant ${text} not null, id ${text} not null, host text not null, pid integer not null, started text not null,
        heartbeat_at bigint not null, primary key (tenant, id))`,
      `create table events (seq ${seq}, tenant ${text} not null, at bigint not null, type text not null, goal_id text, task_id text,
        rehearsal integer not null, data text not null)`,
      `create index events_by_goal on events (tenant, goal_id, seq)`,
      `create table meta (key ${text} not null primary key, value text not null)`,
    ];
  },
};

const judgement: Migration = {
  name: "0002-judgement",
  sql: (engine) => {
    const text = engine === "sqlite" ? "text" : 'text collate "C"';
    return [
      // How the maker answered what was asked for, and what became of the text's claims.
      `alter table deliverables add column answers text not null default '[]'`,
      `alter table deliverables add column claims text not null default '[]'`,
      `alter table tasks add column variants integer not null default 1`,
      `create table variants (tenant ${text} not null, task_id ${text} not null, revision integer not null, variant integer not null,
        angle text not null, body text not null, missing text not null, warnings text not null, model text not null, outcome text not null,
        note text not null, created_at bigint not null, primary key (tenant, task_id, revision, variant))`,
      `create table contradictions (tenant ${text} not null, id ${text} not null, goal_id ${text} not null, kind text not null,
        subject text not null, found_by text not null, wrong_task_id ${text} not null, wrong_quote text not null, right_source text not null,
        right_quote text not null, note text not null, status text not null, created_at bigint not null, primary key (tenant, id))`,
      `create index contradictions_by_goal on contradictions (tenant, goal_id)`,
      `create table trials (tenant ${text} not null, learning_id ${text} not null, task_id ${text} not null, winner text not null,
        reason text not null, rehearsal integer not null, created_at bigint not null, primary key (tenant, learning_id, task_id))`,
      `alter table learnings add column goal_id text`,
      `alter table learnings add column task_id text`,
      `alter table questions add column fingerprint text`,
      // Scores over time are read by skill.
      `create index deliverables_by_skill on deliverables (tenant, skill, created_at)`,
    ];
  },
};

const schedules: Migration = {
  name: "0003-schedules",
  sql: (engine) => {
    const text = engine === "sqlite" ? "text" : 'text collate "C"';
    return [
      // `spec`: the cron and zone that `considered` speaks of. A person's pause stands in the row that is no rehearsal's.
      `create table schedules (tenant ${text} not null, name ${text} not null, rehearsal integer not null, spec text not null,
        considered bigint not null, paused_at bigint, primary key (tenant, name, rehearsal))`,
      `create table schedule_ticks (tenant ${text} not null, name ${text} not null, rehearsal integer not null, at bigint not null,
        outcome text not null, reason text, detail text, missed integer not null, goal_id ${text}, decided_at bigint not null,
        primary key (tenant, name, rehearsal, at))`,
      `create index schedule_ticks_by_time on schedule_ticks (tenant, rehearsal, decided_at)`,
    ];
  },
};

const notices: Migration = {
  name: "0005-notices",
  sql: (engine) => {
    const text = engine === "sqlite" ? "text" : 'text collate "C"';
    return [
      `create table notices (tenant ${text} not null, id ${text} not null, key ${text} not null, kind text not null, subject ${text} not null,
        goal_id ${text}, urgent integer not null, title text not null, text text not null, rehearsal integer not null, at bigint not null,
        created_at bigint not null, primary key (tenant, id), unique (tenant, key))`,
      `create index notices_by_subject on notices (tenant, subject)`,
      `create table notice_sends (tenant ${text} not null, notice_id ${text} not null, channel ${text} not null, state text not null,
        due_at bigint not null, message_id ${text}, message_at bigint, attempts integer not null, lease_until bigint, problem text,
        ended_at bigint, primary key (tenant, notice_id, channel))`,
      `create index notice_sends_open on notice_sends (tenant, channel, state)`,
      `create index notice_sends_by_message on notice_sends (tenant, message_id)`,
      `create index notice_sends_lately on notice_sends (tenant, channel, message_at)`,
    ];
  },
};

const figures: Migration = {
  name: "0006-figures",
  sql: () => [
    // Counted from the index alone. `skill` and `model` stand first, so that no query that looks for a state is drawn to them.
    `create index tasks_figures on tasks (tenant, skill, status, rehearsal, started_at, ended_at)`,
    `create index calls_figures on calls (tenant, model, skill, state, rehearsal, cost, hold, started_at, ended_at, usage)`,
  ],
};

const inbox: Migration = {
  name: "0004-inbox",
  sql: (engine) => {
    const text = engine === "sqlite" ? "text" : 'text collate "C"';
    return [
      `create table inbox (tenant ${text} not null, id ${text} not null, source ${text} not null, key ${text} not null, hash text not null,
        type ${text} not null, their_type text, may_ask integer not null, happened_at bigint, data text not null, rehearsal integer not null,
        received_at bigint not null, decision text not null, reason text not null, pipeline text, topic ${text}, goal_id text,
        started_at bigint, due_at bigint, burst_at bigint, burst integer not null, replays ${text}, primary key (tenant, id),
        unique (tenant, rehearsal, source, key))`,
      // Only few of many events start or wait: the indexes of those stay small.
      `create index inbox_started on inbox (tenant, topic, started_at) where started_at is not null`,
      `create index inbox_due on inbox (tenant, due_at) where due_at is not null`,
    ];
  },
};

const effects: Migration = {
  name: "0007-effects",
  sql: (engine) => {
    const text = engine === "sqlite" ? "text" : 'text collate "C"';
    return [
      `create table effects (tenant ${text} not null, id ${text} not null, goal_id ${text} not null, task_id ${text} not null,
        revision integer not null, skill text, step text not null, round integer not null, use_index integer not null, server text not null,
        tool text not null, tool_hash text not null, args text not null, hash text not null, class text not null, preview text not null,
        recipients bigint, cost bigint, tainted integer not null, state text not null, blocked text, approved_by text, approved_at bigint,
        expires_at bigint not null, sender text, sent_at bigint, ended_at bigint, result text, note text, rehearsal integer not null,
        created_at bigint not null, primary key (tenant, id),
        unique (tenant, task_id, revision, step, round, use_index))`,
      `create index effects_by_state on effects (tenant, state)`,
      `create index effects_by_goal on effects (tenant, goal_id)`,
      // What was read from outside, as it came: a resumed task reads it here and not again there.
      `create table tool_reads (tenant ${text} not null, goal_id ${text} not null, subject ${text} not null, revision integer not null,
        step text not null, round integer not null, use_index integer not null, server text not null, tool text not null, args text not null,
        text text not null, is_error integer not null, bytes bigint not null, spilled text, tainted integer not null, ms integer not null,
        rehearsal integer not null, at bigint not null, primary key (tenant, goal_id, subject, revision, step, round, use_index))`,
      `alter table deliverables add column tainted integer not null default 0`,
      `alter table learnings add column tainted integer not null default 0`,
      // Addresses that must never be written to again, and what was sent to each: kept below every agent.
      `create table suppressed (tenant ${text} not null, address ${text} not null, reason text not null, at bigint not null,
        primary key (tenant, address))`,
      `create table contacted (tenant ${text} not null, address ${text} not null, effect_id ${text} not null, at bigint not null,
        primary key (tenant, address, effect_id))`,
    ];
  },
};

const deaths: Migration = {
  name: "0008-deaths",
  // Workers that died in a row while at work on the task: no fault of the task, unless it is what kills them.
  sql: () => [`alter table tasks add column deaths integer not null default 0`],
};

const outside: Migration = {
  name: "0009-outside",
  sql: (engine) => {
    const text = engine === "sqlite" ? "text" : 'text collate "C"';
    return [
      // What vendors' units and dollars were used, counted before the wire is touched.
      `create table outside_use (tenant ${text} not null, day ${text} not null, server ${text} not null, calls bigint not null,
        units bigint not null, cost bigint not null, primary key (tenant, day, server))`,
      // Counted from the index alone: what was read can be long.
      `create index tool_reads_figures on tool_reads (tenant, server, tool, is_error, rehearsal, ms)`,
      `create index effects_figures on effects (tenant, server, class, state, rehearsal)`,
    ];
  },
};

const batches: Migration = {
  name: "0010-batches",
  sql: (engine) => {
    const text = engine === "sqlite" ? "text" : 'text collate "C"';
    return [
      `alter table goals add column batch integer not null default 0`,
      // The share of the price that a batch is billed at, kept with the call: prices change. Null for a call made at once.
      `alter table calls add column batch_share double precision`,
      // A call that waits: its request until it is answered. `batch_id` is ours, null until it is in a batch.
      `create table batch_requests (tenant ${text} not null, call_id ${text} not null, goal_id ${text} not null, body text not null,
        batch_id ${text}, rehearsal integer not null, created_at bigint not null, primary key (tenant, call_id))`,
      `create index batch_requests_by_batch on batch_requests (tenant, batch_id)`,
      // Committed before it is sent: `provider_id` is null until the provider's answer is known. `strangers`: ids that were not ours.
      `create table batches (tenant ${text} not null, id ${text} not null, provider_id ${text}, owner ${text} not null, requests integer not null,
        strangers text not null, rehearsal integer not null, created_at bigint not null, tried_at bigint not null, sent_at bigint,
        ended_at bigint, primary key (tenant, id))`,
      `create index batches_open on batches (tenant, rehearsal) where ended_at is null`,
      // Counted from the index alone, as before.
      `drop index calls_figures`,
      `create index calls_figures on calls (tenant, model, skill, state, rehearsal, batch_share, cost, hold, started_at, ended_at, usage)`,
    ];
  },
};

export const migrations: readonly Migration[] = [
  initial,
  judgement,
  schedules,
  inbox,
  notices,
  figures,
  effects,
  deaths,
  outside,
  batches,
];
