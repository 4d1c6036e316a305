//! Names the folder of the built UI to the embedding macro, without any `..` in it: debug builds read the files
//! at run time and refuse those whose path they cannot compare. Release builds embed the files, so the crate is
//! compiled again when the UI was built in the meantime.

#![expect(clippy::disallowed_methods, reason = "how cargo talks to a build script")]

use std::path::Path;

fn main() -> std::io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
    let dist = root.join("frontend/dist");
    println!("cargo::rustc-env=ONEOFF_UI_DIST={}", dist.display());
    let is_embedded = std::env::var("PROFILE").is_ok_and(|profile| profile == "release");
    println!(
        "cargo::rerun-if-changed={}",
        if is_embedded { dist.as_path() } else { Path::new("build.rs") }.display()
    );
    Ok(())
}
