//! This process, as a collector is told of it.

use std::time::{SystemTime, UNIX_EPOCH};

use super::messages::{KeyValue, Resource, Scope, Value};
use crate::config::OtlpSettings;

/// Where the kernel tells the machine's name.
const HOST_NAME: &str = "/proc/sys/kernel/hostname";

/// This process, as a collector is told of it.
#[derive(Clone, Debug)]
pub struct Process {
    resource: Resource,
    pub(super) started: u64,
}

impl Process {
    /// By the settings.
    #[must_use]
    pub fn new(settings: &OtlpSettings) -> Self {
        let host = std::fs::read_to_string(HOST_NAME).unwrap_or_default();
        let pid = i64::from(std::process::id());
        let mut attributes = vec![
            KeyValue::new("service.name", settings.service_name.as_str()),
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            KeyValue::new("process.pid", Value::Int(pid)),
        ];
        if !host.trim().is_empty() {
            attributes.push(KeyValue::new("host.name", host.trim()));
        }
        // The name of the service has a setting of its own; any other may be set.
        let own = |key: &str| key != "service.name";
        for (key, value) in settings.resource.all() {
            if own(key) {
                attributes.retain(|known| known.key != *key);
                attributes.push(KeyValue::new(key, value.as_str()));
            }
        }
        let names = |key: &str| attributes.iter().any(|known| known.key == key);
        if !names("service.instance.id") {
            let id = format!("{:032x}", rand::random::<u128>());
            attributes.push(KeyValue::new("service.instance.id", id.as_str()));
        }
        Self {
            resource: Resource { attributes },
            started: nanoseconds(SystemTime::now()),
        }
    }

    pub(crate) fn resource(&self) -> Resource {
        self.resource.clone()
    }

    /// This program as the part that tells.
    pub(crate) fn scope() -> Scope {
        Scope {
            name: crate::PROGRAM.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

/// A time in nanoseconds of the Unix epoch.
#[must_use]
pub fn nanoseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
