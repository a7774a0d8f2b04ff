//! The one callback into JavaScript.

use std::sync::Arc;

use napi::Status;
use napi::bindgen_prelude::Function;
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};

use crate::errors::Coded;

/// One wake may wait at a time: the event queue asks for no second one before
/// the first was served.
const QUEUED_WAKES: usize = 2;

type Callback = ThreadsafeFunction<(), (), (), Status, false, true, QUEUED_WAKES>;

/// A function for the event queue that calls `on_wake` on its JavaScript thread.
/// It is weak: it does not keep that thread's loop alive.
pub(crate) fn wake_by(on_wake: Function<'_, (), ()>) -> Result<Box<dyn Fn() + Send + Sync>, Coded> {
    let callback: Callback = on_wake
        .build_threadsafe_function::<()>()
        .weak::<true>()
        .max_queue_size::<QUEUED_WAKES>()
        .build()
        .map_err(|error| Coded::new("KVM_ERROR".to_owned(), error.reason.clone()))?;
    let callback = Arc::new(callback);
    Ok(Box::new(move || {
        // A thread that is ending takes no more calls; its VMs end with it.
        callback.call((), ThreadsafeFunctionCallMode::NonBlocking);
    }))
}
