//! One thing wrong with one field, in the API server's words.

use std::fmt;

use serde_json::Value;

/// What kind of wrong; also the `reason` of the cause in a `Status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FieldErrorKind {
    Required,
    Invalid,
    TypeInvalid,
    NotSupported,
    Duplicate,
    TooLong,
    TooMany,
    Forbidden,
}

impl FieldErrorKind {
    /// `FieldValueRequired` and so on.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Required => "FieldValueRequired",
            Self::Invalid => "FieldValueInvalid",
            Self::TypeInvalid => "FieldValueTypeInvalid",
            Self::NotSupported => "FieldValueNotSupported",
            Self::Duplicate => "FieldValueDuplicate",
            Self::TooLong => "FieldValueTooLong",
            Self::TooMany => "FieldValueTooMany",
            Self::Forbidden => "FieldValueForbidden",
        }
    }

    fn phrase(self) -> &'static str {
        match self {
            Self::Required => "Required value",
            Self::Invalid | Self::TypeInvalid => "Invalid value",
            Self::NotSupported => "Unsupported value",
            Self::Duplicate => "Duplicate value",
            Self::TooLong => "Too long",
            Self::TooMany => "Too many",
            Self::Forbidden => "Forbidden",
        }
    }

    fn shows_value(self) -> bool {
        !matches!(self, Self::Required | Self::Forbidden | Self::TooLong)
    }
}

/// One error of one field.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldError {
    /// `spec.ports[0].name`; `<nil>` where the API server names no field.
    pub path: String,
    pub kind: FieldErrorKind,
    /// What is wrong and what would be right.
    pub detail: String,
    /// What was found, where the message shows it.
    pub bad_value: Option<Value>,
}

/// The path of an error that belongs to no field.
pub(crate) const NO_PATH: &str = "<nil>";

impl FieldError {
    pub(crate) fn new(
        kind: FieldErrorKind,
        path: impl Into<String>,
        bad_value: Option<Value>,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            path: path.into(),
            kind,
            detail: detail.into(),
            bad_value,
        }
    }

    pub(crate) fn required(path: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(FieldErrorKind::Required, path, None, detail)
    }

    pub(crate) fn forbidden(path: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(FieldErrorKind::Forbidden, path, None, detail)
    }

    pub(crate) fn invalid(
        path: impl Into<String>,
        bad_value: Value,
        detail: impl Into<String>,
    ) -> Self {
        Self::new(FieldErrorKind::Invalid, path, Some(bad_value), detail)
    }

    /// An error about the object as a whole, which names its place in the text only.
    pub(crate) fn pathless(detail: impl Into<String>) -> Self {
        Self::new(
            FieldErrorKind::Invalid,
            NO_PATH,
            Some(Value::String(String::new())),
            detail,
        )
    }

    pub(crate) fn rules_not_checked() -> Self {
        let detail = "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation";
        Self::new(FieldErrorKind::Invalid, NO_PATH, Some(Value::Null), detail)
    }

    /// Whether rules would run on a value of the wrong shape or size.
    pub(crate) fn blocks_rules(&self) -> bool {
        use FieldErrorKind as Kind;
        matches!(
            self.kind,
            Kind::Required | Kind::TypeInvalid | Kind::NotSupported | Kind::TooLong | Kind::TooMany
        )
    }

    /// The same error of a schema that is part of something larger
    /// (`spec.validation.openAPIV3Schema` before `properties[spec].type`).
    pub fn prefixed(mut self, prefix: &str) -> Self {
        self.path = match self.path.as_str() {
            "" => prefix.to_owned(),
            path => format!("{prefix}.{path}"),
        };
        self
    }

    /// The text without the path: the `message` of a cause in a `Status`.
    pub fn message(&self) -> String {
        let mut out = self.kind.phrase().to_owned();
        if self.kind.shows_value()
            && let Some(value) = &self.bad_value
        {
            out.push_str(": ");
            out.push_str(&value.to_string());
        }
        if !self.detail.is_empty() {
            out.push_str(": ");
            out.push_str(&self.detail);
        }
        out
    }
}

impl std::error::Error for FieldError {}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message())
    }
}
