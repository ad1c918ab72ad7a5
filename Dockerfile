# syntax=docker/dockerfile:1
# The images of a cluster: `docker build --target runtime-operator .` and `docker build --target wasmcloud-host .`

# The version of rust-toolchain.toml, so that rustup fetches no other.
FROM rust:1.95.0-slim-trixie AS build
WORKDIR /src
COPY . .
# Cargo's caches outlive the layer; the binaries must leave the cached folder within this command.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target,sharing=locked \
    cargo build --release --locked --bin runtime-operator --bin wasmcloud-host \
    && install -D -t /out target/release/runtime-operator target/release/wasmcloud-host

# The same Debian as above, for its libc; a user without name, shell or home of note.
FROM gcr.io/distroless/cc-debian13:nonroot AS runtime-operator
COPY --from=build /out/runtime-operator /usr/local/bin/runtime-operator
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/runtime-operator"]

FROM gcr.io/distroless/cc-debian13:nonroot AS wasmcloud-host
COPY --from=build /out/wasmcloud-host /usr/local/bin/wasmcloud-host
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/wasmcloud-host"]
