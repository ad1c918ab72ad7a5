//! Directories of the machine in a component.

use super::support::{Bed, component, get, spec};
use host::workload::spec::{Volume, VolumeMount, VolumeSource};
use std::time::Duration;

fn mount(path: &str, read_only: bool) -> VolumeMount {
    VolumeMount {
        volume: "data".to_owned(),
        path: path.to_owned(),
        read_only,
    }
}

#[tokio::test]
async fn an_ephemeral_volume_outlives_instances_and_read_only_means_it() {
    let bed = Bed::new();
    let mut acts = component("acts");
    acts.resources.mounts = vec![mount("/data", false), mount("/frozen", true)];
    let mut spec = spec(vec![acts]);
    spec.volumes = vec![Volume {
        name: "data".to_owned(),
        source: VolumeSource::Ephemeral,
    }];
    let workload = bed.start(&spec, &["http-acts"]).await;
    assert_eq!(
        get(&workload, "/write?/data/file").await.unwrap().1,
        "written"
    );
    assert_eq!(
        get(&workload, "/read?/data/file").await.unwrap().1,
        "written"
    );
    assert_eq!(
        get(&workload, "/read?/frozen/file").await.unwrap().1,
        "written"
    );
    for refused in [
        "/write?/frozen/other",
        "/read?/data/../../etc/hostname",
        "/read?/etc/hostname",
    ] {
        let (_, text) = get(&workload, refused).await.unwrap();
        assert!(text.starts_with("error:"), "{refused}: {text}");
    }
    let entries = || std::fs::read_dir(bed.scratch.path()).unwrap().count();
    assert_eq!(entries(), 1);
    workload.stop(Duration::ZERO, Duration::from_secs(5)).await;
    assert_eq!(entries(), 0);
}

#[tokio::test]
async fn links_do_not_lead_out_of_a_volume() {
    let mut bed = Bed::new();
    let root = tempfile::tempdir().unwrap();
    let secret = tempfile::tempdir().unwrap();
    std::fs::write(secret.path().join("file"), "secret").unwrap();
    std::os::unix::fs::symlink(secret.path(), root.path().join("link")).unwrap();
    bed.platform.volume_roots = vec![root.path().to_owned()];
    let mut acts = component("acts");
    acts.resources.mounts = vec![mount("/data", false)];
    let mut spec = spec(vec![acts]);
    let source = VolumeSource::HostPath(root.path().to_owned());
    spec.volumes = vec![Volume {
        name: "data".to_owned(),
        source,
    }];
    let workload = bed.start(&spec, &["http-acts"]).await;
    let (_, text) = get(&workload, "/read?/data/link/file").await.unwrap();
    assert!(text.starts_with("error:"), "{text}");
}
