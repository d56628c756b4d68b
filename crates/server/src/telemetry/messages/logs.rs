//! Records of logs.

use prost::Message;

use super::{AnyValue, KeyValue, Resource, Scope};

/// `collector.logs.v1.ExportLogsServiceRequest`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ExportLogs {
    /// By process.
    #[prost(message, repeated, tag = "1")]
    pub resource_logs: Vec<ResourceLogs>,
}

impl ExportLogs {
    /// Records of one process, by the parts of it that they are of, as a message.
    pub fn message(resource: Resource, scope_logs: Vec<ScopeLogs>) -> Vec<u8> {
        let resource_logs = ResourceLogs {
            resource: Some(resource),
            scope_logs,
        };
        let message = Self {
            resource_logs: vec![resource_logs],
        };
        message.encode_to_vec()
    }
}

/// `logs.v1.ResourceLogs`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ResourceLogs {
    /// The process.
    #[prost(message, optional, tag = "1")]
    pub resource: Option<Resource>,
    /// By part of the program.
    #[prost(message, repeated, tag = "2")]
    pub scope_logs: Vec<ScopeLogs>,
}

/// `logs.v1.ScopeLogs`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ScopeLogs {
    /// The part of the program.
    #[prost(message, optional, tag = "1")]
    pub scope: Option<Scope>,
    /// Its records.
    #[prost(message, repeated, tag = "2")]
    pub log_records: Vec<LogRecord>,
}

/// `logs.v1.LogRecord`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct LogRecord {
    /// When it happened, in nanoseconds of the Unix epoch.
    #[prost(fixed64, tag = "1")]
    pub time_unix_nano: u64,
    /// `logs.v1.SeverityNumber`.
    #[prost(int32, tag = "2")]
    pub severity_number: i32,
    /// The level as it is called here.
    #[prost(string, tag = "3")]
    pub severity_text: String,
    /// The text.
    #[prost(message, optional, tag = "5")]
    pub body: Option<AnyValue>,
    /// Its attributes.
    #[prost(message, repeated, tag = "6")]
    pub attributes: Vec<KeyValue>,
    /// The flags of its trace.
    #[prost(fixed32, tag = "8")]
    pub flags: u32,
    /// The id of its trace, 16 bytes; empty where there is none.
    #[prost(bytes = "vec", tag = "9")]
    pub trace_id: Vec<u8>,
    /// The id of its span, 8 bytes; empty where there is none.
    #[prost(bytes = "vec", tag = "10")]
    pub span_id: Vec<u8>,
    /// When it was seen.
    #[prost(fixed64, tag = "11")]
    pub observed_time_unix_nano: u64,
    /// The name of the kind of event that it is of; empty where it is of none.
    #[prost(string, tag = "12")]
    pub event_name: String,
}
