//! Types whose schemas are written from the Cedar schema in force.

/// A type whose schema is written by [`super::document`] under its own name.
macro_rules! later {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        pub(in crate::http) struct $name;

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                utoipa::openapi::Ref::from_schema_name(stringify!($name)).into()
            }
        }

        impl utoipa::ToSchema for $name {}
    )*};
}
pub(in crate::http) use later;
