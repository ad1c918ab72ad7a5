use clap::{CommandFactory, Parser};

use super::*;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    host: HostArgs,
}

fn parse(flags: &[&str]) -> Result<HostArgs, clap::Error> {
    Cli::try_parse_from(["wasmcloud-host"].iter().chain(flags)).map(|cli| cli.host)
}

fn host(flags: &[&str]) -> Result<HostOptions, String> {
    parse(flags)
        .map_err(|error| error.to_string())?
        .host()
        .map_err(|error| error.to_string())
}

#[test]
fn the_declaration_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn without_flags_there_is_a_usable_host() {
    let args = parse(&[]).unwrap();
    let options = args.host().unwrap();
    assert_eq!(options.identity.labels["hostgroup"], "default");
    assert_eq!(options.ingress.address, None);
    assert_eq!(args.bus().unwrap().servers, ["nats://localhost:4222"]);
    assert!(!options.egress.addresses.allow_loopback && !options.egress.addresses.allow_private);
    assert_eq!(args.notices().unwrap(), [""; 0]);
    assert_eq!(
        args.host().unwrap().identity.name,
        options.identity.name,
        "one name for one process"
    );
}

#[test]
fn what_the_charts_of_the_reference_pass_is_accepted() {
    let args = parse(&[
        "--log-level=debug",
        "--host-name=10.1.2.3",
        "--host-group=edge",
        "--environment=default",
        "--scheduler-nats-url",
        "nats://nats:4222",
        "--data-nats-url",
        "nats://nats:4222",
        "--oci-cache-dir=/oci-cache",
        "--http-addr=0.0.0.0:9191",
        "--wasi-otel",
        "--deny-special-ranges",
    ])
    .unwrap();
    let options = args.host().unwrap();
    assert_eq!(
        (&*options.identity.hostname, &*options.identity.environment),
        ("10.1.2.3", "default")
    );
    assert_eq!(options.identity.labels["hostgroup"], "edge");
    assert_eq!(args.images().unwrap().store, PathBuf::from("/oci-cache"));
    let notices = args.notices().unwrap();
    assert_eq!(notices.len(), 2, "{notices:?}");
}

#[test]
fn what_would_mislead_is_refused_by_name() {
    for flags in [
        &["--wasm-proposal=gc"][..],
        &["--host-plugin=x"],
        &["--postgres-url=postgres://u:secret@h/d"],
        &["--wasi-webgpu"],
    ] {
        let error = parse(flags).unwrap().notices().unwrap_err().to_string();
        let flag = flags[0].split('=').next().unwrap();
        assert!(
            error.starts_with(flag) && !error.contains("secret"),
            "{error}"
        );
    }
    for flags in [
        &["--socket-egress=count"][..],
        &["--deny-special-ranges=false"],
        &["--tls-ca-path=x"],
    ] {
        let error = host(flags).err().unwrap();
        assert!(
            error.starts_with(flags[0].split('=').next().unwrap()),
            "{error}"
        );
    }
}

#[test]
fn bad_values_name_their_flag() {
    for flags in [
        &["--http-addr=8080"][..],
        &["--workload-ports=all"],
        &["--label=zone"],
        &["--host-group=a b"],
        &["--name=Not.A.Label"],
        &["--label=a=1", "--label=a=2"],
        &["--drain=1s", "--endpoint-delay=2s"],
        &["--tls-cert-path=x"],
        &["--tls-sni=x"],
        &["--http-header-timeout=0s"],
        &["--http-client-trust-roots=extra-only"],
        &["--max-connections=0"],
        &[
            "--scheduler-nats-token=t",
            "--scheduler-nats-user=u",
            "--scheduler-nats-password=p",
        ],
    ] {
        let error = host(flags).err().unwrap_or_default();
        assert!(error.contains("--"), "{flags:?}: {error:?}");
    }
    assert!(parse(&["--instance-memory=1"]).unwrap().engine().is_err());
    assert!(parse(&["--scheduler-nats-url="]).unwrap().bus().is_err());
}
