use super::*;

fn parse(arguments: &[&str]) -> Result<Arguments, clap::Error> {
    let all = std::iter::once("runtime-operator").chain(arguments.iter().copied());
    Arguments::read(all.map(OsString::from))
}

#[test]
fn go_style_flags_are_taken() {
    let a = parse(&[
        "-nats-url=nats://n:1",
        "-leader-elect",
        "-allow-shared-hosts=F",
        "-watch-namespaces",
        "a,b",
        "-nats-url=nats://n:2",
    ])
    .unwrap();
    assert_eq!(a.bus.nats_url, "nats://n:2", "the last one counts");
    assert!(a.kubernetes.leader_elect && !a.work.allow_shared_hosts);
    assert_eq!(a.kubernetes.watch_namespaces, ["a", "b"]);
    assert!(matches!(
        parse(&["install-crds"]).unwrap().command,
        Some(Command::InstallCrds)
    ));
}

/// The command line of the reference's manager, every flag that it knows.
#[test]
fn every_flag_of_the_reference_is_taken() {
    let flags = [
        "-metrics-bind-address=:8443",
        "-metrics-secure=true",
        "-health-probe-bind-address=:8082",
        "-enable-http2=false",
        "-leader-elect=true",
        "-nats-url=nats://nats:4222",
        "-nats-creds=/c",
        "-nats-ca=/ca",
        "-nats-client-cert=/cert",
        "-nats-client-key=/key",
        "-nats-tls-first=true",
        "-json-log",
        "-cpu-backpressure-threshold=80",
        "-memory-backpressure-threshold=80.0",
        "-disable-artifact-controller=false",
        "-watch-namespaces=a,b",
        "-host-namespaces=c,d",
        "-allow-shared-hosts=true",
        "-kubeconfig=/k",
        "-zap-devel=false",
        "-zap-encoder=json",
        "-zap-log-level=1",
        "-zap-stacktrace-level=panic",
        "-zap-time-encoding=iso8601",
    ];
    let a = parse(&flags).unwrap();
    assert!(a.admin.metrics_secure && a.bus.nats_tls_first);
    assert_eq!(a.logs.options().filter, "debug");
    assert_eq!(a.logs.options().format, LogFormat::Json);
    assert_eq!(a.ignored.given().len(), 3);
    let two_dashes: Vec<String> = flags.iter().map(|f| format!("-{f}")).collect();
    let two_dashes: Vec<&str> = two_dashes.iter().map(String::as_str).collect();
    assert!(parse(&two_dashes).is_ok());
}

#[test]
fn defaults_are_those_of_the_reference_and_of_the_options() {
    let a = parse(&[]).unwrap();
    let ports = [
        a.admin.metrics_bind_address,
        a.admin.health_probe_bind_address,
    ];
    assert_eq!(ports.map(|p| p.0.unwrap().port()), [8081, 8082]);
    assert!(!a.admin.metrics_secure && a.work.allow_shared_hosts && !a.logs.json_log);
    assert!(a.ignored.given().is_empty());
    let given = format!("{:?}", a.options("n"));
    assert_eq!(given, format!("{:?}", crate::OperatorOptions::new("n")));
}

#[test]
fn each_flag_has_its_variable() {
    for arg in command().get_arguments() {
        let Some(long) = arg.get_long().filter(|l| !["help", "version"].contains(l)) else {
            continue;
        };
        let name = format!("OPERATOR_{}", long.replace('-', "_").to_uppercase());
        assert_eq!(arg.get_env(), Some(name.as_ref()), "--{long}");
    }
}

#[test]
fn a_refusal_names_the_flag_and_what_is_expected() {
    for (given, told) in [
        (
            "--metrics-bind-address=x",
            [
                "invalid value 'x' for '--metrics-bind-address",
                "expected HOST:PORT",
            ],
        ),
        (
            "-leader-elect=maybe",
            [
                "invalid value 'maybe' for '--leader-elect",
                "expected true or false",
            ],
        ),
        (
            "-host-lost-after=5",
            ["invalid value '5' for '--host-lost-after", "such as 500ms"],
        ),
        (
            "-zap-encoder=xml",
            [
                "invalid value 'xml' for '--zap-encoder",
                "possible values: json, console",
            ],
        ),
        (
            "-nats-client-cert=x",
            ["were not provided", "--nats-client-key"],
        ),
        (
            "-nats-urll=x",
            ["unexpected argument '--nats-urll'", "'--nats-url'"],
        ),
    ] {
        let text = parse(&[given]).unwrap_err().to_string();
        for part in told {
            assert!(text.contains(part), "{part:?} is not in\n{text}");
        }
    }
}

#[test]
fn help() {
    let text = command().term_width(100).render_long_help().to_string();
    insta::assert_snapshot!(text);
}
