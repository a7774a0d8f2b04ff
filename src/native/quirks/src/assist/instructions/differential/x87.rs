use super::*;

fn any(_: &mut Context, _: &mut Random) {}

#[test]
fn x87_control_matches_the_processor() {
    instruction!("fninit", "fninit").agrees(flag::ARITHMETIC, any);
    instruction!("fnclex", "fnclex").agrees(flag::ARITHMETIC, any);
    instruction!("fwait", "fwait").agrees(flag::ARITHMETIC, any);
    instruction!("emms", "emms").agrees(flag::ARITHMETIC, any);
    instruction!("fnstsw_ax", "fnstsw ax").agrees(flag::ARITHMETIC, any);
    instruction!("fnstsw_memory", "fnstsw [rsi + 5]").agrees(flag::ARITHMETIC, any);
}

#[test]
fn fnclex_forgets_a_pending_exception() {
    instruction!("fnclex_pending", "fnclex").agrees(flag::ARITHMETIC, |context, _| {
        // Precision exception, unmasked and pending.
        context.state[XState::CONTROL_WORD] = 0x5f;
        context.state[XState::STATUS_WORD] = 0xa0;
        context.state[XState::STATUS_WORD + 1] |= 0x80;
        context.state[HEADER] |= 1;
    });
}

#[test]
fn fild_matches_the_processor() {
    let zero_sometimes = |context: &mut Context, random: &mut Random| {
        if random.next().is_multiple_of(8) {
            context.scratch[8..16].fill(0);
        }
    };
    instruction!("fild16", "fild word ptr [rsi + 8]").agrees(flag::ARITHMETIC, zero_sometimes);
    instruction!("fild32", "fild dword ptr [rsi + 8]").agrees(flag::ARITHMETIC, zero_sometimes);
    instruction!("fild64", "fild qword ptr [rsi + 8]").agrees(flag::ARITHMETIC, zero_sometimes);
}

#[test]
fn mxcsr_matches_the_processor() {
    instruction!("ldmxcsr", "ldmxcsr [rsi + 4]").agrees(flag::ARITHMETIC, |context, random| {
        let value = u32::try_from(random.next() & 0xffbf).expect("16 bits");
        context.scratch[4..8].copy_from_slice(&value.to_le_bytes());
    });
    instruction!("stmxcsr", "stmxcsr [rsi + 4]").agrees(flag::ARITHMETIC, any);
}
