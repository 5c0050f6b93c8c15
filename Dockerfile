FROM rust:1.95-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends \
    cmake pkg-config libclang-dev libxml2-dev libxmlsec1-dev libssl-dev && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY .cargo .cargo
COPY src src
COPY crates crates
COPY templates templates
COPY migrations migrations
# The manifest names these; they are not built here.
RUN mkdir -p tests benches && mkdir benches/load && touch tests/main.rs benches/load/main.rs && cargo build --release --locked --bin vestibule

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends \
    ca-certificates libxml2 libxmlsec1 libxmlsec1-openssl libssl3 && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /var/lib/vestibule --create-home vestibule
COPY --from=build /src/target/release/vestibule /usr/local/bin/vestibule
USER vestibule
WORKDIR /var/lib/vestibule
ENV VESTIBULE_SERVER__LISTEN=0.0.0.0:8080
EXPOSE 8080
VOLUME /var/lib/vestibule
ENTRYPOINT ["vestibule"]
CMD ["serve"]
