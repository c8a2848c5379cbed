//! Files of this process.

use std::path::PathBuf;
use std::sync::OnceLock;

/// Returns a path of that name in a folder of this process alone.
pub fn path(name: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = std::env::temp_dir().join(format!("tensor-quant-fuzz-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder for temporary files");
        folder
    });
    folder.join(name)
}

/// Writes a file of this process, and returns its path.
pub fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let path = path(name);
    std::fs::write(&path, bytes).expect("a temporary file");
    path
}
