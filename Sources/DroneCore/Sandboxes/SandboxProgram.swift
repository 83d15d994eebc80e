/// The program of a sandbox, which waits for ever: an ELF executable with one segment and a few instructions. It is part of the source, so it needs no
/// registry, no compiler and no file beside the agent, which may run in a container or on another machine than Docker.
///
/// As the first process of a container it ignores every signal but SIGKILL, so its container is stopped with that signal.
enum SandboxProgram {
    /// The program's path in the image.
    static let path = "/pause"

    /// - Parameter architecture: the architecture's name, as the kernel gives it.
    /// - Returns: Nil for an architecture that has no instructions here.
    static func executable(for architecture: String) -> [UInt8]? {
        switch architecture {
        case "x86_64", "amd64": self.elf(machine: 62, Self.x86)
        case "aarch64", "arm64": self.elf(machine: 183, Self.arm)
        default: nil
        }
    }

    /// Calls pause(2) in an endless loop.
    private static let x86: [UInt8] = [
        0xB8, 34, 0, 0, 0,  // mov eax, 34 (pause)
        0x0F, 0x05,  // syscall
        0xEB, 0xF7,  // jmp to the beginning
    ]

    /// Calls ppoll(2) without descriptors or time limit in an endless loop, because arm64 has no pause(2).
    private static let arm: [UInt8] = [
        0x00, 0x00, 0x80, 0xD2,  // mov x0, 0
        0x01, 0x00, 0x80, 0xD2,  // mov x1, 0
        0x02, 0x00, 0x80, 0xD2,  // mov x2, 0
        0x03, 0x00, 0x80, 0xD2,  // mov x3, 0
        0x28, 0x09, 0x80, 0xD2,  // mov x8, 73 (ppoll)
        0x01, 0x00, 0x00, 0xD4,  // svc 0
        0xFA, 0xFF, 0xFF, 0x17,  // b to the beginning
    ]

    /// An executable as in elf(5): the header, one program header, the instructions. The whole file is the segment.
    private static func elf(machine: UInt16, _ code: [UInt8]) -> [UInt8] {
        let (headerLength, entryLength): (UInt16, UInt16) = (64, 56)
        let address: UInt64 = 0x40_0000
        let start = UInt64(headerLength + entryLength)
        let length = start + UInt64(code.count)
        var bytes: [UInt8] = [0x7F, 0x45, 0x4C, 0x46, 2, 1, 1] + [UInt8](repeating: 0, count: 9)  // 64 bits, little endian, version 1
        func put(_ number: some FixedWidthInteger) { withUnsafeBytes(of: number.littleEndian) { bytes += $0 } }
        put(UInt16(2))  // e_type: ET_EXEC
        put(machine)
        put(UInt32(1))  // e_version
        put(address + start)  // e_entry
        put(UInt64(headerLength))  // e_phoff
        put(UInt64(0))  // e_shoff
        put(UInt32(0))  // e_flags
        for number in [headerLength, entryLength, 1, 0, 0, 0] { put(number) }  // sizes and counts of headers
        put(UInt32(1))  // p_type: PT_LOAD
        put(UInt32(5))  // p_flags: read and execute
        put(UInt64(0))  // p_offset
        put(address)  // p_vaddr
        put(address)  // p_paddr
        put(length)  // p_filesz
        put(length)  // p_memsz
        put(UInt64(0x1_0000))  // p_align: the largest page of these machines
        return bytes + code
    }

    /// The image's only layer: an archive with the program in it (tar(5), ustar).
    static func archive(of executable: [UInt8]) -> [UInt8] { self.archive(of: executable, at: Self.path) }

    /// - Parameter path: An absolute one of less than a hundred bytes.
    static func archive(of executable: [UInt8], at path: String) -> [UInt8] {
        let block = 512
        var header = [UInt8](repeating: 0, count: block)
        func put(_ text: String, at offset: Int) { header.replaceSubrange(offset..<offset + text.utf8.count, with: text.utf8) }
        func octal(_ number: Int, _ digits: Int) -> String {
            let text = String(number, radix: 8)
            return String(repeating: "0", count: digits - text.count) + text
        }
        put(String(path.dropFirst()), at: 0)
        put(octal(0o755, 7), at: 100)
        put(octal(0, 7), at: 108)  // owner
        put(octal(0, 7), at: 116)  // group
        put(octal(executable.count, 11), at: 124)
        put(octal(0, 11), at: 136)  // time
        put("        ", at: 148)  // the checksum, as it counts in itself
        put("0", at: 156)  // a file
        put("ustar", at: 257)
        put("00", at: 263)
        put(octal(header.reduce(0) { $0 + Int($1) }, 6) + "\0", at: 148)
        let padding = (block - executable.count % block) % block
        return header + executable + [UInt8](repeating: 0, count: padding + 2 * block)
    }
}
