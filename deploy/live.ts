/** Asks the daemon in this container whether it is alive, for Docker's health check: exit 0 when it says so, 1 otherwise. */

const { PORT } = process.env;
try {
  // At home: inside its container the daemon listens everywhere. This one path needs no token.
  const answer = await fetch(`http://127.0.0.1:${PORT || "8788"}/health/live`, { signal: AbortSignal.timeout(4_000) });
  if (!answer.ok) console.error(`/health/live says ${answer.status}`);
  process.exitCode = answer.ok ? 0 : 1;
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
