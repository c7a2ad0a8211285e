//! The world on disk: written whole, synced, renamed. Whoever reads it finds the old one or the new one, never half of one.

use super::world::{FORMAT, World};
use std::{
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
};

/// Why the world could not be read or written.
#[derive(Debug, thiserror::Error)]
pub(super) enum StoreError {
    /// The file system said no.
    #[error("cannot {what} `{}`: {why}", path.display())]
    File {
        /// What was tried.
        what: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        why: io::Error,
    },
    /// Written by another version.
    #[error("`{}` has format {found}, this version reads {FORMAT}", path.display())]
    Format {
        /// Which file.
        path: PathBuf,
        /// The number in it.
        found: u64,
    },
    /// Not what this program writes.
    #[error("`{}` is no practice world: {why}", path.display())]
    Broken {
        /// Which file.
        path: PathBuf,
        /// Where it breaks.
        why: serde_json::Error,
    },
}

/// Where the world is kept.
#[derive(Debug)]
pub(super) struct Store(PathBuf);

impl Store {
    /// The world of this state directory.
    pub(super) fn in_dir(dir: &Path) -> Self {
        Self(dir.join("world.json"))
    }

    /// The stored world; `None` when there is none yet.
    pub(super) fn load(&self) -> Result<Option<World>, StoreError> {
        let path = self.0.clone();
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(why) => return Err(StoreError::File { what: "read", path, why }),
        };
        let value: serde_json::Value = serde_json::from_slice(&text).map_err(|why| StoreError::Broken { path: path.clone(), why })?;
        let found = value.get("format").and_then(serde_json::Value::as_u64).unwrap_or(0);
        if found != u64::from(FORMAT) {
            return Err(StoreError::Format { path, found });
        }
        serde_json::from_value(value).map(Some).map_err(|why| StoreError::Broken { path, why })
    }

    /// Stores the world; when this returns, it outlives a power cut.
    pub(super) fn save(&self, world: &World) -> Result<(), StoreError> {
        let text = serde_json::to_vec(world).map_err(|why| StoreError::Broken { path: self.0.clone(), why })?;
        write_private(&self.0, &text)
    }
}

/// Writes a file whole or not at all, readable by its owner only.
pub(super) fn write_private(path: &Path, text: &[u8]) -> Result<(), StoreError> {
    let fresh = path.with_extension("new");
    let failed = |what| move |why| StoreError::File { what, path: path.to_owned(), why };
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&fresh).map_err(failed("create"))?;
    file.write_all(text).and_then(|()| file.sync_all()).map_err(failed("write"))?;
    drop(file);
    fs::rename(&fresh, path).map_err(failed("replace"))?;
    sync_parent(path);
    Ok(())
}

/// A rename is certain only when its directory is synced too; Windows does that by itself and cannot open directories.
fn sync_parent(path: &Path) {
    #[cfg(unix)]
    if let Some(Ok(dir)) = path.parent().map(fs::File::open) {
        // Some file systems refuse; the rename holds without a power cut all the same.
        let _ = dir.sync_all();
    }
    #[cfg(not(unix))]
    let _ = path;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::practice::Preset;
    use jiff::Timestamp;

    #[test]
    fn a_world_of_another_version_is_refused_with_both_numbers() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("world.json"), r#"{"format": 7, "other": true}"#).unwrap();
        let error = Store::in_dir(dir.path()).load().unwrap_err().to_string();
        assert!(error.contains("format 7") && error.contains("reads 1"), "{error}");
    }

    #[test]
    fn a_broken_world_is_named_and_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("world.json"), "{\"format\": 1, ").unwrap();
        assert!(matches!(Store::in_dir(dir.path()).load(), Err(StoreError::Broken { .. })));
        assert_eq!(fs::read_to_string(dir.path().join("world.json")).unwrap(), "{\"format\": 1, ");
    }

    #[test]
    fn what_is_saved_is_what_is_loaded() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::in_dir(dir.path());
        assert!(store.load().unwrap().is_none());
        let world = World::new(Preset::Done, "secret".to_owned(), Timestamp::UNIX_EPOCH);
        store.save(&world).unwrap();
        let back = store.load().unwrap().unwrap();
        assert_eq!(serde_json::to_value(&back).unwrap(), serde_json::to_value(&world).unwrap());
    }
}
