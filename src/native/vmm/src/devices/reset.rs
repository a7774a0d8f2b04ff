//! The i8042 keyboard controller, of which guests use only the reset line.

/// Command port, from the first port of the controller.
const COMMAND: u8 = 4;
/// Pulse the reset line.
const RESET_CPU: u8 = 0xfe;

/// Answers zeroes, which is "no data, input buffer empty", and knows the one
/// command that ends the machine.
#[derive(Debug)]
pub(crate) struct ResetController;

impl ResetController {
    /// Whether this write resets the machine.
    pub fn write(&self, offset: u8, data: &[u8]) -> bool {
        offset == COMMAND && data.contains(&RESET_CPU)
    }

    pub fn read(&self, data: &mut [u8]) {
        data.fill(0);
    }
}
