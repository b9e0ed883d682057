# Stage 1 builds the environment, with a C compiler for durable-rules; stage 2 runs it, without one, as nobody in particular.
FROM python:3.12-slim AS build
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
WORKDIR /src
RUN python -m venv /opt/consigne
ENV PATH=/opt/consigne/bin:$PATH PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY requirements.lock requirements-durable.lock ./
RUN pip install --require-hashes -r requirements.lock \
 && (pip install --no-deps --require-hashes -r requirements-durable.lock || echo "durable-rules left out")
COPY pyproject.toml README.md LICENSE ./
COPY engine engine
COPY optimizers optimizers
COPY jobs jobs
COPY twin twin
RUN pip install --no-deps .

FROM python:3.12-slim
RUN useradd --system --create-home --home-dir /var/lib/consigne --uid 10001 consigne
COPY --from=build /opt/consigne /opt/consigne
COPY --chown=root:root rules /usr/share/consigne/rules
COPY --chown=root:root datasets /usr/share/consigne/datasets
ENV PATH=/opt/consigne/bin:$PATH \
    CONSIGNE_RULES_DIR=/usr/share/consigne/rules \
    CONSIGNE_DATASETS_DIR=/usr/share/consigne/datasets \
    CONSIGNE_DATA_DIR=/var/lib/consigne \
    CONSIGNE_DATABASE_URL=sqlite:////var/lib/consigne/consigne.db
USER consigne
WORKDIR /var/lib/consigne
VOLUME /var/lib/consigne
# Where the status is told, it is asked: doctor would start an interpreter with everything in it each time.
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s CMD \
    if [ "${CONSIGNE_METRICS_PORT:-0}" != 0 ]; \
    then python -c 'import os, urllib.request as u; u.urlopen("http://127.0.0.1:" + os.environ["CONSIGNE_METRICS_PORT"] + "/readyz", timeout=8)'; \
    else consigne doctor --quick || [ $? -eq 3 ]; fi
ENTRYPOINT ["consigne"]
CMD ["serve"]
