# Cromulent in a container: `docker build -t cromulent .`, then
#
#   docker run -d --name cromulent -v cromulent:/data -p 127.0.0.1:8080:8080 \
#     -p 8081-8082:8081-8082/udp -p 8081-8082:8081-8082/tcp \
#     -e CROMULENT_PUBLIC_URL=https://chat.example.org -e CROMULENT_VOICE_PUBLIC_ADDRESS=203.0.113.7 cromulent
#
# `docker logs cromulent` shows the setup link. Inside, addresses are the container's own: without the public one pages
# would be told to send their voice there. One TLS proxy goes before 8080, nothing goes before the voice ports.

FROM rust:1.95-slim-trixie AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends build-essential cmake nodejs npm \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN cargo build --locked --release --bin cromulent \
    && install -D --mode=0755 target/release/cromulent /out/cromulent \
    && install -d --mode=0700 /out/data

FROM debian:trixie-slim
COPY --from=build /out/cromulent /usr/local/bin/cromulent
COPY --from=build --chown=10001:10001 /out/data /data
ENV CROMULENT_LISTEN=0.0.0.0:8080 \
    CROMULENT_DATA_DIR=/data \
    CROMULENT_VOICE_PORT=8081 \
    CROMULENT_VOICE_WORKERS=2
USER 10001:10001
VOLUME /data
# The page; and for each voice worker one port of both kinds.
EXPOSE 8080/tcp 8081-8082/udp 8081-8082/tcp
# A shell can ask as well as any program, and needs none in the image.
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["bash", "-c", \
    "exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET /api/health HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n' >&3 && head -n 1 <&3 | grep -q ' 200 '"]
ENTRYPOINT ["/usr/local/bin/cromulent"]
