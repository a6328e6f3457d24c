# Marketeam's daemon. `docker compose --profile daemon up -d` builds and runs it; see docs/operations.md.
ARG BUN_VERSION=1.4.5

FROM oven/bun:${BUN_VERSION}-slim AS packages
WORKDIR /app
COPY package.json bun.lock bunfig.toml ./
RUN bun install --frozen-lockfile --production --ignore-scripts

FROM oven/bun:${BUN_VERSION}-slim
# A user that no machine has by accident; the program's own files belong to root and are read only to it.
RUN groupadd --gid 10001 marketeam \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /workspace --shell /usr/sbin/nologin marketeam \
 && install -d -o 10001 -g 10001 -m 0700 /workspace
WORKDIR /app
COPY --from=packages /app/node_modules ./node_modules
COPY . .
ENV NODE_ENV=production WORKSPACE_DIR=/workspace LOG_FORMAT=json
USER 10001:10001
VOLUME /workspace
EXPOSE 8788
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 CMD ["bun", "deploy/live.ts"]
# No shell and no `bun run` between: the signal reaches the program itself.
ENTRYPOINT ["bun", "--no-install", "src/cli.ts"]
CMD ["--daemon", "--yes"]
