use super::*;

fn any(_: &mut Context, _: &mut Random) {}

#[test]
fn popcnt_matches_the_processor() {
    instruction!("popcnt64", "popcnt rax, rcx").agrees(flag::ARITHMETIC, any);
    instruction!("popcnt32", "popcnt eax, ecx").agrees(flag::ARITHMETIC, any);
    instruction!("popcnt16", "popcnt ax, cx").agrees(flag::ARITHMETIC, any);
    instruction!("popcnt_memory", "popcnt r8, [rsi + 100]").agrees(flag::ARITHMETIC, any);
    instruction!("popcnt_memory16", "popcnt dx, [rsi + 3]").agrees(flag::ARITHMETIC, any);
}

#[test]
fn bmi1_matches_the_processor() {
    let flags = flag::CARRY | flag::ZERO | flag::SIGN | flag::OVERFLOW;
    instruction!("andn64", "andn rax, rcx, rdx").agrees(flags, any);
    instruction!("andn32", "andn eax, ecx, [rsi + 8]").agrees(flags, any);
    instruction!("blsr64", "blsr rax, rcx").agrees(flags, any);
    instruction!("blsr32", "blsr eax, ecx").agrees(flags, any);
    instruction!("blsi64", "blsi rax, [rsi]").agrees(flags, any);
    instruction!("blsi32", "blsi eax, ecx").agrees(flags, any);
    instruction!("blsmsk64", "blsmsk rax, rcx").agrees(flags, any);
    instruction!("blsmsk32", "blsmsk eax, ecx").agrees(flags, any);
    let flags = flag::CARRY | flag::ZERO | flag::OVERFLOW;
    instruction!("bextr64", "bextr rax, rcx, rdx").agrees(flags, any);
    instruction!("bextr32", "bextr eax, ecx, edx").agrees(flags, any);
}

#[test]
fn bmi2_matches_the_processor() {
    let flags = flag::CARRY | flag::ZERO | flag::SIGN | flag::OVERFLOW;
    instruction!("bzhi64", "bzhi rax, rcx, rdx").agrees(flags, any);
    instruction!("bzhi32", "bzhi eax, ecx, edx").agrees(flags, any);
    let flags = flag::ARITHMETIC;
    instruction!("shlx64", "shlx rax, rcx, rdx").agrees(flags, any);
    instruction!("shlx32", "shlx eax, [rsi + 9], edx").agrees(flags, any);
    instruction!("shrx64", "shrx rax, rcx, rdx").agrees(flags, any);
    instruction!("shrx32", "shrx eax, ecx, edx").agrees(flags, any);
    instruction!("sarx64", "sarx rax, rcx, rdx").agrees(flags, any);
    instruction!("sarx32", "sarx eax, ecx, edx").agrees(flags, any);
    instruction!("rorx64", "rorx rax, rcx, 45").agrees(flags, any);
    instruction!("rorx64_none", "rorx rax, rcx, 64").agrees(flags, any);
    instruction!("rorx32", "rorx eax, ecx, 45").agrees(flags, any);
    instruction!("pdep64", "pdep rax, rcx, rdx").agrees(flags, any);
    instruction!("pdep32", "pdep eax, ecx, edx").agrees(flags, any);
    instruction!("pext64", "pext rax, rcx, rdx").agrees(flags, any);
    instruction!("pext32", "pext eax, ecx, [rsi]").agrees(flags, any);
}

#[test]
fn wide_arithmetic_matches_the_processor() {
    let flags = flag::ARITHMETIC;
    instruction!("mulx64", "mulx rax, rcx, r8").agrees(flags, any);
    instruction!("mulx64_same", "mulx rax, rax, r8").agrees(flags, any);
    instruction!("mulx32", "mulx eax, ecx, [rsi]").agrees(flags, any);
    instruction!("adcx64", "adcx rax, rcx").agrees(flags, any);
    instruction!("adcx32", "adcx eax, ecx").agrees(flags, any);
    instruction!("adox64", "adox rax, [rsi]").agrees(flags, any);
    instruction!("adox32", "adox eax, ecx").agrees(flags, any);
}

#[test]
fn crc32_matches_the_processor() {
    let flags = flag::ARITHMETIC;
    instruction!("crc32_8", "crc32 eax, cl").agrees(flags, any);
    instruction!("crc32_high", "crc32 eax, ch").agrees(flags, any);
    instruction!("crc32_16", "crc32 eax, cx").agrees(flags, any);
    instruction!("crc32_32", "crc32 eax, dword ptr [rsi + 1]").agrees(flags, any);
    instruction!("crc32_64", "crc32 rax, rcx").agrees(flags, any);
    instruction!("crc32_64_byte", "crc32 rax, byte ptr [rsi]").agrees(flags, any);
}

#[test]
fn cmpxchg16b_matches_the_processor() {
    // RBX belongs to the compiler, so that the new value's lower half is what it happens to be:
    // only exchanges that fail are compared here; the others are in the tests with a real guest.
    instruction!("cmpxchg16b", "lock cmpxchg16b [rsi + 16]").agrees(flag::ARITHMETIC, any);
}
