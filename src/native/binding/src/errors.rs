//! Errors as data: a code of the contract and a message.

use actovisor_vmm::{CreateError, MachineError};
use napi::Error;

/// An error whose `code` JavaScript sees.
pub(crate) type Coded = Error<String>;

pub(crate) fn of_create(error: &CreateError) -> Coded {
    Error::new(error.code().to_owned(), error.to_string())
}

pub(crate) fn of_machine(error: &MachineError) -> Coded {
    Error::new(error.code().to_owned(), error.to_string())
}

pub(crate) fn closed(request: &str) -> Coded {
    Error::new(
        "CLOSED".to_owned(),
        format!("{request} on a VM that has been closed"),
    )
}

pub(crate) fn invalid(field: &str, value: impl std::fmt::Display, expected: &str) -> Coded {
    Error::new(
        "INVALID_CONFIG".to_owned(),
        format!("{field} is {value}; expected {expected}"),
    )
}
