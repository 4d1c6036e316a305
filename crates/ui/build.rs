//! Has the crate compiled again when the UI was built in the meantime: the embedding macro sees only the
//! files that were there before. Debug builds read the files at run time and need none of this.

#![expect(clippy::disallowed_methods, reason = "how cargo talks to a build script")]

fn main() {
    let is_embedded = std::env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let watched = if is_embedded { "../../frontend/dist" } else { "build.rs" };
    println!("cargo::rerun-if-changed={watched}");
}
