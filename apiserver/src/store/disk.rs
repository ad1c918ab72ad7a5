//! The store on disk: one redb file, one transaction per group of writes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};

use super::{Change, Key, Object};

const OBJECTS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("objects");
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
const REVISION: &str = "revision";
const FORMAT: &str = "format";
/// The layout this code reads and writes.
const FORMAT_NOW: u64 = 1;

#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    #[error("the store {path} is in use by another process; stop it or choose another data folder")]
    InUse { path: PathBuf },
    #[error("the store {path} has format {found}, this version reads format {FORMAT_NOW}")]
    Format { path: PathBuf, found: u64 },
    #[error("the store holds an unreadable object under {key}: {source}")]
    Object {
        key: String,
        source: serde_json::Error,
    },
    #[error("the store holds an unreadable key {0}")]
    Key(String),
    #[error("the store {path} cannot be created: {source}")]
    Create {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("the store's thread cannot be started: {0}")]
    Thread(std::io::Error),
    #[error(transparent)]
    Database(Box<redb::Error>),
}

impl<E: Into<redb::Error>> From<E> for DiskError {
    fn from(error: E) -> Self {
        Self::Database(Box::new(error.into()))
    }
}

/// The open database file.
pub struct Disk {
    database: Database,
}

impl Disk {
    /// Opens or creates the file, readable by its owner only (it holds Secrets).
    pub fn open(path: &Path) -> Result<Self, DiskError> {
        let fail = |source| DiskError::Create {
            path: path.to_owned(),
            source,
        };
        let mut options = std::fs::OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path).map_err(fail)?;
        let database = match Database::builder().create_file(file) {
            Ok(database) => database,
            Err(redb::DatabaseError::DatabaseAlreadyOpen) => {
                return Err(DiskError::InUse {
                    path: path.to_owned(),
                });
            }
            Err(error) => return Err(error.into()),
        };
        let write = database.begin_write()?;
        {
            write.open_table(OBJECTS)?;
            let mut meta = write.open_table(META)?;
            let found = meta.get(FORMAT)?.map(|value| value.value());
            match found {
                None => drop(meta.insert(FORMAT, FORMAT_NOW)?),
                Some(FORMAT_NOW) => {}
                Some(found) => {
                    return Err(DiskError::Format {
                        path: path.to_owned(),
                        found,
                    });
                }
            }
        }
        write.commit()?;
        Ok(Self { database })
    }

    pub(super) fn load(&self) -> Result<(u64, Vec<Object>), DiskError> {
        let read = self.database.begin_read()?;
        let revision = read
            .open_table(META)?
            .get(REVISION)?
            .map_or(0, |value| value.value());
        let mut objects = Vec::new();
        for entry in read.open_table(OBJECTS)?.iter()? {
            let (path, json) = entry?;
            let path = path.value();
            let key = Key::parse(path).ok_or_else(|| DiskError::Key(path.to_owned()))?;
            let object =
                Object::decode(key, Bytes::copy_from_slice(json.value())).map_err(|source| {
                    DiskError::Object {
                        key: path.to_owned(),
                        source,
                    }
                })?;
            objects.push(object);
        }
        Ok((revision, objects))
    }

    /// Durable when this returns (redb's default durability syncs the file).
    pub(super) fn save(&mut self, changes: &[Arc<Change>]) -> Result<(), DiskError> {
        let write = self.database.begin_write()?;
        {
            let mut objects = write.open_table(OBJECTS)?;
            for change in changes {
                let path = change.after.key.path();
                if change.removed {
                    objects.remove(path.as_str())?;
                } else {
                    objects.insert(path.as_str(), &*change.after.json)?;
                }
            }
            if let Some(last) = changes.last() {
                write.open_table(META)?.insert(REVISION, last.revision)?;
            }
        }
        write.commit()?;
        Ok(())
    }
}
