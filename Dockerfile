# The workers' image: Beam's own with the lock and our wheel, without torch. `make wheel` before `docker build`.
#
#   make wheel && docker build --tag REGISTRY/webtext:0.1.0 .
#   webtext build c.toml --out DIR -- --runner ... --sdk_container_image REGISTRY/webtext:0.1.0 --sdk_location container
FROM apache/beam_python3.11_sdk:2.77.0

LABEL org.opencontainers.image.title="webtext" org.opencontainers.image.licenses="MIT"

# Beam's boot program would else make a virtual environment at every start of a worker.
ENV RUN_PYTHON_SDK_IN_DEFAULT_ENVIRONMENT=1 \
    NUMBA_CACHE_DIR=/var/cache/webtext \
    PYTHONDONTWRITEBYTECODE=1

COPY requirements/lock.txt /tmp/lock.txt
RUN python -m pip install --no-cache-dir --requirement /tmp/lock.txt && \
    rm /tmp/lock.txt

COPY dist/webtext-*.whl /tmp/wheel/
RUN python -m pip install --no-cache-dir --no-deps /tmp/wheel/webtext-*.whl && \
    rm -r /tmp/wheel && \
    mkdir --mode=1777 /var/cache/webtext

# Beam's ENTRYPOINT, its boot program, stays.
