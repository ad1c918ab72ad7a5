#[test]
fn the_committed_component_is_of_the_checked_out_sources() {
    testbed::prebuilt::check().unwrap();
    let bytes = std::fs::read(testbed::prebuilt::path()).unwrap();
    // A component, not a core module: version 13, layer 1.
    assert_eq!(bytes.get(..8), Some(&b"\0asm\x0d\0\x01\0"[..]));
}
