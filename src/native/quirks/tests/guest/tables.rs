use super::{EXCEPTION_PORT, GDT, Guest, IDT, PAGE, PAGE_TABLE, PML4, PRESENT, USER, WRITABLE};

const PDPT: u64 = 0x2000;
const PAGE_DIRECTORY: u64 = 0x3000;
const HANDLERS: u64 = 0x8000;

/// Maps every page at its own address and writes the descriptor tables and the handlers.
pub fn write(guest: &Guest) {
    let entry = |place: u64, value: u64| guest.put(place, &value.to_le_bytes());
    entry(PML4, PDPT | PRESENT | WRITABLE | USER);
    entry(PDPT, PAGE_DIRECTORY | PRESENT | WRITABLE | USER);
    entry(PAGE_DIRECTORY, PAGE_TABLE | PRESENT | WRITABLE | USER);
    for page in 0..512 {
        guest.set_entry(page * PAGE, (page * PAGE) | PRESENT | WRITABLE);
    }
    // Null, code, data, user data, user code, execute-only code, read-only data, and a TSS.
    let descriptors = [
        0,
        0x00af_9b00_0000_ffff,
        0x00cf_9300_0000_ffff,
        0x00cf_f300_0000_ffff,
        0x00af_fb00_0000_ffff,
        0x00af_9900_0000_ffff,
        0x0040_9100_0000_1234,
        0x0000_8b00_7000_0067,
        0,
    ];
    for (index, descriptor) in (0_u64..).zip(descriptors) {
        entry(GDT + index * 8, descriptor);
    }
    for vector in 0..=255_u8 {
        // push rax; mov al, vector; out 0xf5, al; hlt
        let place = HANDLERS + u64::from(vector) * 16;
        guest.put(
            place,
            &[
                0x50,
                0xb0,
                vector,
                0xe6,
                EXCEPTION_PORT.to_le_bytes()[0],
                0xf4,
            ],
        );
        let gate = (place & 0xffff) | (8 << 16) | (0x8e00 << 32);
        entry(IDT + u64::from(vector) * 16, gate);
        entry(IDT + u64::from(vector) * 16 + 8, 0);
    }
}
