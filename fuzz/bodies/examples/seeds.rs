//! Writes the committed corpora: `cargo run -p sealock-fuzz-bodies --example seeds`
#![forbid(unsafe_code)]

use std::path::Path;

fn main() -> std::io::Result<()> {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus");
    for (target, name, bytes) in sealock_fuzz_bodies::seeds::all() {
        let folder = corpora.join(target);
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join(name), bytes)?;
    }
    Ok(())
}
