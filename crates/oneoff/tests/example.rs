//! Runs the example, as a reader of the documentation would.

use std::process::Command;

#[test]
fn the_embedded_example_runs() {
    let arguments = ["run", "--quiet", "--package", "oneoff", "--example", "embedded"];
    let output = Command::new(env!("CARGO")).args(arguments).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    for part in ["greet is completed", "Hello, Ada!", "the other is cancelled"] {
        assert!(text.contains(part), "`{part}` is not in {text}");
    }
}
