//! Requests that were refused.

use actovisor_agent::protocol::from_agent::Body;

/// Code, errno and step.
pub type Refusal = (i32, u32, String);

pub fn failure(body: Body) -> Refusal {
    match body {
        Body::Failed(failed) => (failed.code, failed.errno, failed.step),
        other => panic!("not Failed: {other:?}"),
    }
}
