//! Loading an uncompressed ELF kernel.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use elf::abi::{EM_X86_64, ET_DYN, ET_EXEC, PT_LOAD};
use elf::endian::LittleEndian;
use elf::file::Class;
use elf::parse::ParseError;
use elf::segment::ProgramHeader;
use vm_memory::{Bytes, GuestAddress, GuestMemoryBackend, GuestMemoryMmap};

use crate::error::CreateError;
use crate::layout::HIGH_MEMORY_START;
use crate::memory::overlay_file;

const PAGE: u64 = 4096;

/// Puts the loadable segments of the kernel into guest RAM, whole pages by
/// mapping the file, and answers the physical address of its entry point.
pub(crate) fn load_kernel(memory: &GuestMemoryMmap, path: &Path) -> Result<u64, CreateError> {
    let unreadable = |source| CreateError::KernelUnreadable {
        path: path.to_owned(),
        source,
    };
    let invalid = |reason: String| CreateError::KernelInvalid {
        path: path.to_owned(),
        reason,
    };
    let mut file = File::open(path).map_err(unreadable)?;
    let file_bytes = file.metadata().map_err(unreadable)?.len();
    let (entry, segments) = {
        let stream = elf::ElfStream::<LittleEndian, _>::open_stream(&mut file)
            .map_err(|error| invalid(parse_reason(&error)))?;
        let header = &stream.ehdr;
        if header.class != Class::ELF64 || header.e_machine != EM_X86_64 {
            return Err(invalid("it is for another machine".into()));
        }
        if header.e_type != ET_EXEC && header.e_type != ET_DYN {
            return Err(invalid(format!("its ELF type is {}", header.e_type)));
        }
        (header.e_entry, stream.segments().clone())
    };
    let loads: Vec<ProgramHeader> = segments
        .into_iter()
        .filter(|s| s.p_type == PT_LOAD)
        .collect();
    if loads.is_empty() {
        return Err(invalid("it has no loadable segment".into()));
    }
    for segment in &loads {
        check_segment(memory, segment, file_bytes).map_err(invalid)?;
        load_segment(memory, segment, &mut file).map_err(unreadable)?;
    }
    let inside = |s: &ProgramHeader| entry >= s.p_paddr && entry - s.p_paddr < s.p_memsz;
    if loads.iter().any(inside) {
        Ok(entry)
    } else {
        Err(invalid(format!("its entry {entry:#x} is in no segment")))
    }
}

/// An ELF file that ends before what its header names has been cut short.
fn parse_reason(error: &ParseError) -> String {
    let short = match error {
        ParseError::BadOffset(_) | ParseError::SliceReadError(_) => true,
        ParseError::IOError(error) => error.kind() == std::io::ErrorKind::UnexpectedEof,
        _ => false,
    };
    if short {
        format!("it is truncated ({error})")
    } else {
        error.to_string()
    }
}

fn check_segment(
    memory: &GuestMemoryMmap,
    segment: &ProgramHeader,
    file_bytes: u64,
) -> Result<(), String> {
    let ProgramHeader {
        p_offset,
        p_paddr,
        p_filesz,
        p_memsz,
        ..
    } = *segment;
    if p_offset
        .checked_add(p_filesz)
        .is_none_or(|end| end > file_bytes)
    {
        return Err(format!(
            "a segment ends behind the end of the file, at {file_bytes} bytes: it is truncated"
        ));
    }
    if p_filesz > p_memsz || p_paddr < HIGH_MEMORY_START {
        return Err(format!(
            "a segment at {p_paddr:#x} has a wrong address or size"
        ));
    }
    let fits = usize::try_from(p_memsz)
        .is_ok_and(|bytes| memory.check_range(GuestAddress(p_paddr), bytes));
    if fits {
        Ok(())
    } else {
        Err(format!(
            "a segment at {p_paddr:#x}, {p_memsz} bytes, does not fit into guest memory"
        ))
    }
}

fn load_segment(
    memory: &GuestMemoryMmap,
    segment: &ProgramHeader,
    file: &mut File,
) -> std::io::Result<()> {
    let ProgramHeader {
        p_offset,
        p_paddr,
        p_filesz,
        ..
    } = *segment;
    let whole = if p_offset % PAGE == 0 && p_paddr % PAGE == 0 {
        p_filesz / PAGE * PAGE
    } else {
        0
    };
    if whole > 0 {
        overlay_file(memory, p_paddr, whole, file, p_offset)?;
    }
    file.seek(SeekFrom::Start(p_offset + whole))?;
    let mut rest = file.take(p_filesz - whole);
    let mut at = p_paddr + whole;
    let mut chunk = [0; 65_536];
    loop {
        let count = rest.read(&mut chunk)?;
        if count == 0 {
            return if at == p_paddr + p_filesz {
                Ok(())
            } else {
                Err(std::io::ErrorKind::UnexpectedEof.into())
            };
        }
        memory
            .write_slice(&chunk[..count], GuestAddress(at))
            .map_err(std::io::Error::other)?;
        at += count as u64;
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use vmm_sys_util::tempfile::TempFile;

    use super::*;
    use crate::memory::map_ram;

    fn kernel(edit: impl FnOnce(&mut Vec<u8>)) -> TempFile {
        let mut image = vec![0; 0x3000];
        image[..16].copy_from_slice(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0");
        image[16..18].copy_from_slice(&2u16.to_le_bytes());
        image[18..20].copy_from_slice(&62u16.to_le_bytes());
        image[20..24].copy_from_slice(&1u32.to_le_bytes());
        image[24..32].copy_from_slice(&0x100_0000u64.to_le_bytes());
        image[32..40].copy_from_slice(&64u64.to_le_bytes());
        image[52..54].copy_from_slice(&64u16.to_le_bytes());
        image[54..56].copy_from_slice(&56u16.to_le_bytes());
        image[56..58].copy_from_slice(&1u16.to_le_bytes());
        image[64..68].copy_from_slice(&1u32.to_le_bytes());
        image[72..80].copy_from_slice(&0x1000u64.to_le_bytes());
        image[88..96].copy_from_slice(&0x100_0000u64.to_le_bytes());
        image[96..104].copy_from_slice(&0x1800u64.to_le_bytes());
        image[104..112].copy_from_slice(&0x4000u64.to_le_bytes());
        image[0x1000..0x2800].fill(0x90);
        edit(&mut image);
        let file = TempFile::new().unwrap();
        file.as_file().write_all(&image).unwrap();
        file
    }

    fn refusal(edit: impl FnOnce(&mut Vec<u8>)) -> String {
        let memory = map_ram(64).unwrap();
        load_kernel(&memory, kernel(edit).as_path())
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn loads_whole_pages_and_the_rest() {
        let memory = map_ram(64).unwrap();
        let file = kernel(|_| ());
        assert_eq!(load_kernel(&memory, file.as_path()).unwrap(), 0x100_0000);
        let byte = |at| memory.read_obj::<u8>(GuestAddress(at)).unwrap();
        assert_eq!(
            [byte(0x100_0000), byte(0x100_17ff), byte(0x100_1800)],
            [0x90, 0x90, 0]
        );
    }

    #[test]
    fn refuses_what_is_no_kernel() {
        assert!(refusal(|image| image[0] = 0).contains("not an uncompressed"));
        assert!(refusal(|image| image[18] = 3).contains("another machine"));
        assert!(refusal(|image| image.truncate(0x1400)).contains("truncated"));
        assert!(refusal(|image| image[28] = 1).contains("is in no segment"));
        assert!(refusal(|image| image[91] = 0x40).contains("does not fit"));
        assert!(refusal(|image| image.truncate(10)).contains("not an uncompressed"));
        assert!(load_kernel(&map_ram(64).unwrap(), Path::new("/nonexistent")).is_err());
    }
}
