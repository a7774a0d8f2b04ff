use super::*;

/// Asks for a random set of components, among them such as no processor has.
fn some(context: &mut Context, random: &mut Random) {
    const OF_NO_PROCESSOR: u64 = 0xf000_0000;
    context.rax = random.next() & (COMPONENTS | OF_NO_PROCESSOR);
    context.rdx = random.next() & 0xff;
}

/// A scratch memory that holds what XSAVE wrote for a random set, and another random request.
fn saved(context: &mut Context, random: &mut Random) {
    let mut other = random.context();
    some(&mut other, random);
    other.scratch.fill(0);
    other.scratch[XState::MXCSR..XState::MXCSR + 2].copy_from_slice(&[0x80, 0x1f]);
    let case = instruction!("area", "xsave64 [rsi]");
    // SAFETY: the function stays within the context and restores the state it changes.
    unsafe { (case.run)(&raw mut other) };
    context.scratch = other.scratch;
    some(context, random);
}

/// The same in the compacted form.
fn compacted(context: &mut Context, random: &mut Random) {
    let mut other = random.context();
    some(&mut other, random);
    other.scratch.fill(0);
    let case = instruction!("compacted_area", "xsavec64 [rsi]");
    // SAFETY: the function stays within the context and restores the state it changes.
    unsafe { (case.run)(&raw mut other) };
    context.scratch = other.scratch;
    some(context, random);
}

#[test]
fn xsave_matches_the_processor() {
    instruction!("xsave64", "xsave64 [rsi]").agrees(flag::ARITHMETIC, some);
    instruction!("xsave64_high", "xsave64 [rsi + 128]").agrees(flag::ARITHMETIC, some);
    instruction!("xsave", "xsave [rsi]").agrees(flag::ARITHMETIC, |context, random| {
        some(context, random);
        // The selectors that the narrow form may store are gone from recent processors.
        context.state[XState::INSTRUCTION_POINTER..XState::MXCSR].fill(0);
    });
}

#[test]
fn xsavec_matches_the_processor() {
    assert!(
        Layout::of_host().compaction,
        "this test needs a processor with XSAVEC"
    );
    instruction!("xsavec64", "xsavec64 [rsi]").agrees(flag::ARITHMETIC, some);
}

#[test]
fn xrstor_matches_the_processor() {
    instruction!("xrstor64", "xrstor64 [rsi]").agrees(flag::ARITHMETIC, saved);
    instruction!("xrstor", "xrstor [rsi]").agrees(flag::ARITHMETIC, saved);
}

#[test]
fn xrstor_of_a_compacted_area_matches_the_processor() {
    assert!(
        Layout::of_host().compaction,
        "this test needs a processor with XSAVEC"
    );
    instruction!("xrstor64_compacted", "xrstor64 [rsi]").agrees(flag::ARITHMETIC, compacted);
}
