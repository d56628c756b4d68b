//! Why a schema cannot be used.

/// Why a schema cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// Cedar refuses it.
    #[error(transparent)]
    Cedar(Box<cedar_policy::CedarSchemaError>),
    /// Cedar warns about it: a shadowed name is a policy that means another type.
    #[error("{0}")]
    Warning(Box<cedar_policy::SchemaWarning>),
    /// An annotation has a value that this program does not know.
    #[error("annotation `@{annotation}` of `{of}`: {problem}")]
    Annotation {
        /// The annotation's name.
        annotation: &'static str,
        /// The type that carries it.
        of: String,
        /// The problem.
        problem: String,
    },
    /// A form of schema that Cedar takes and this program does not.
    #[error("{0}")]
    Unsupported(String),
}

impl From<cedar_policy::CedarSchemaError> for SchemaError {
    fn from(error: cedar_policy::CedarSchemaError) -> Self {
        Self::Cedar(Box::new(error))
    }
}
