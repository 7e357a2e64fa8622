# One image for every program: firetower migrate | ingest | alerts | api | gateway | desk | simulate.
ARG PYTHON_IMAGE=python:3.13.7-slim-bookworm@sha256:adafcc17694d715c905b4c7bebd96907a1fd5cf183395f0ebc4d3428bd22d92d
FROM ${PYTHON_IMAGE} AS build
WORKDIR /app
RUN python -m venv /venv
ENV PATH=/venv/bin:$PATH PIP_DISABLE_PIP_VERSION_CHECK=1
COPY requirements-build.lock requirements.lock ./
RUN pip install --no-cache-dir --require-hashes -r requirements-build.lock -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY services services
COPY simulators simulators
COPY stack stack
COPY migrations migrations
COPY bench bench
# Of a checkout that was made under a strict umask everything would be root's alone, and the programs are not root.
RUN pip install --no-cache-dir --no-deps --no-build-isolation -e . && python -m compileall -q services simulators stack \
    && chmod -R go+rX /app /venv

FROM ${PYTHON_IMAGE}
RUN useradd --system --uid 10001 --home-dir /state --create-home firetower
COPY --from=build /venv /venv
COPY --from=build /app /app
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 FIRETOWER_STATE_DIR=/state FIRETOWER_LOG_FORMAT=json
WORKDIR /app
USER 10001
ENTRYPOINT ["firetower"]
