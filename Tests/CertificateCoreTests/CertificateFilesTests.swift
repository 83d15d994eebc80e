import ACME
import Dispatch
import Foundation
import Glibc
import NetworkAddresses
import PlaneService
import PlaneTestSupport
import Synchronization
import Testing

@testable import CertificateCore

@Suite("Files of a certificate") struct CertificateFilesTests {
    let directory: TemporaryDirectory
    let files: CertificateFiles

    init() throws {
        self.directory = try TemporaryDirectory()
        self.files = CertificateFiles(certPath: self.directory.file("cert.pem"), keyPath: self.directory.file("key.pem"))
    }

    func text(_ name: String) throws -> String { try String(contentsOfFile: self.directory.file(name), encoding: .utf8) }

    func write(_ text: String, to name: String) throws {
        try text.write(toFile: self.directory.file(name), atomically: false, encoding: .utf8)
    }

    func mode(_ name: String) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: self.directory.file(name))[.posixPermissions] as? Int
    }

    func load() throws -> String {
        switch try self.files.load(names: Pairs.names, now: Pairs.now) {
        case .missing: "missing"
        case .unusable(let why): why
        case .usable(let pair): pair.chain.pem
        }
    }

    @Test("C1: a pair is replaced as a whole, the key readable by its owner alone, and nothing is left beside it")
    func install() throws {
        #expect(try self.load() == "missing")
        // Longer than what follows, and open to all.
        try self.write(String(repeating: "x", count: 20_000), to: "cert.pem")
        try self.write(String(repeating: "x", count: 20_000), to: "key.pem")
        chmod(self.directory.file("key.pem"), 0o666)
        let pair = try Pairs.make()
        try self.files.install(pair, names: Pairs.names, now: Pairs.now)
        #expect(try self.load() == pair.chain.pem)
        #expect(try self.text("key.pem") == pair.key.pem)
        #expect(try self.mode("key.pem") == 0o600)
        #expect(try self.mode("cert.pem") == 0o644)
        #expect(try FileManager.default.contentsOfDirectory(atPath: self.directory.path).sorted() == ["cert.pem", "key.pem"])
    }

    @Test("C1: killed between the two files, the next process ends what was begun")
    func interrupted() throws {
        let old = try Pairs.make()
        let new = try Pairs.make()
        try self.write(old.chain.pem, to: "cert.pem")
        try self.write(new.key.pem, to: "key.pem")
        try self.write(new.chain.pem, to: "cert.pem.new")
        #expect(try self.load() == new.chain.pem)
        #expect(try self.text("cert.pem") == new.chain.pem)
    }

    @Test("C1: killed before either was replaced, the old pair stays")
    func interruptedEarly() throws {
        let old = try Pairs.make()
        let new = try Pairs.make()
        try self.files.install(old, names: Pairs.names, now: Pairs.now)
        try self.write(new.key.pem, to: "key.pem.new")
        try self.write(String(new.chain.pem.prefix(100)), to: "cert.pem.new")
        #expect(try self.load() == old.chain.pem)
        try self.files.install(new, names: Pairs.names, now: Pairs.now)
        #expect(try self.load() == new.chain.pem)
    }

    @Test("C1: while two processes replace the pair again and again, every reader finds a whole one, and nobody fails")
    func together() throws {
        try self.files.install(try Pairs.make(), names: Pairs.names, now: Pairs.now)
        let pairs = try (0..<4).map { _ in try Pairs.make() }
        let failures = Mutex<[String]>([])
        DispatchQueue.concurrentPerform(iterations: 4) { worker in
            // As another process, with nothing in common but the directory.
            let files = CertificateFiles(certPath: self.directory.file("cert.pem"), keyPath: self.directory.file("key.pem"))
            for round in 0..<100 {
                do {
                    if worker < 2 { try files.install(pairs[(worker + round) % pairs.count], names: Pairs.names, now: Pairs.now) }
                    guard case .usable = try files.load(names: Pairs.names, now: Pairs.now) else { throw CocoaError(.fileReadCorruptFile) }
                } catch {
                    failures.withLock { $0.append("\(error)") }
                }
            }
        }
        #expect(failures.withLock { $0 } == [])
    }

    @Test("C2: a certificate for another key, other names, or of yesterday is not taken for a good one")
    func unusable() throws {
        let good = try Pairs.make()
        try self.write(good.chain.pem, to: "cert.pem")
        #expect(try self.load().contains("there is no key"))
        try self.write(try Pairs.make().key.pem, to: "key.pem")
        #expect(try self.load().contains("made for another key"))
        for (pair, reason) in [
            (try Pairs.make(names: ["*.plane.test"]), "it does not name plane.test"),
            (try Pairs.make(to: Pairs.now.addingTimeInterval(-1)), "it expired at"),
        ] {
            try self.write(pair.chain.pem, to: "cert.pem")
            try self.write(pair.key.pem, to: "key.pem")
            #expect(try self.load().contains(reason))
        }
        try self.write("rubbish", to: "cert.pem")
        #expect(try self.load().contains("there is none in it"))
    }

    @Test("a bad pair never replaces a good one", arguments: [true, false])
    func refused(isExpired: Bool) throws {
        let good = try Pairs.make()
        try self.files.install(good, names: Pairs.names, now: Pairs.now)
        let bad = isExpired ? try Pairs.make(to: Pairs.now.addingTimeInterval(-1)) : try Pairs.make(names: ["other.test"])
        #expect(throws: ACMEError.self) { try self.files.install(bad, names: Pairs.names, now: Pairs.now) }
        #expect(try self.load() == good.chain.pem)
    }

    @Test("a disk that takes the key but not the certificate leaves the old pair, and says what to do")
    func cannotWrite() throws {
        let good = try Pairs.make()
        try self.files.install(good, names: Pairs.names, now: Pairs.now)
        // A directory cannot be replaced by a file.
        try FileManager.default.createDirectory(atPath: self.directory.file("cert.pem.new"), withIntermediateDirectories: false)
        let failure = try #require(throws: FileError.self) {
            try self.files.install(try Pairs.make(), names: Pairs.names, now: Pairs.now)
        }
        #expect(failure.description.contains("cert.pem.new"))
        #expect(try self.load() == good.chain.pem)
        let nowhere = CertificateFiles(certPath: self.directory.file("no/cert.pem"), keyPath: self.directory.file("no/key.pem"))
        let missing = try #require(throws: FileError.self) {
            try nowhere.install(try Pairs.make(), names: Pairs.names, now: Pairs.now)
        }
        #expect(missing.description.contains("does the directory exist?"))
    }

    @Test("a symbolic link stays, and what it leads to is replaced")
    func link() throws {
        try FileManager.default.createDirectory(atPath: self.directory.file("live"), withIntermediateDirectories: false)
        try self.write("", to: "live/cert.pem")
        symlink("live/cert.pem", self.directory.file("link.pem"))
        let linked = CertificateFiles(certPath: self.directory.file("link.pem"), keyPath: self.directory.file("key.pem"))
        let pair = try Pairs.make()
        try linked.install(pair, names: Pairs.names, now: Pairs.now)
        #expect(try self.text("live/cert.pem") == pair.chain.pem)
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: self.directory.file("link.pem")) == "live/cert.pem")
    }

    @Test("in a directory that is made for a group (setgid) the key is the group's to read, and nobody else's")
    func shared() throws {
        #expect(chmod(self.directory.path, 0o2750) == 0)
        try self.files.install(try Pairs.make(), names: Pairs.names, now: Pairs.now)
        #expect(try self.mode("key.pem") == 0o640)
    }

    @Test("a link to a file that is not there yet is followed as well")
    func dangling() throws {
        let folder = self.directory.file("cert")
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        for name in ["key.pem", "cert.pem"] { symlink("cert/\(name)", self.directory.file(name)) }
        let files = CertificateFiles(certPath: self.directory.file("cert.pem"), keyPath: self.directory.file("key.pem"))
        try files.install(try Pairs.make(), names: Pairs.names, now: Pairs.now)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == ["cert.pem", "key.pem"])
    }

    @Test("C6: the account's key is made once, for its owner alone, and kept; one that cannot be read is not replaced")
    func accountKey() throws {
        let file = AccountKeyFile(path: self.directory.file("account.pem"))
        let made = try file.loadOrMake()
        #expect(try file.loadOrMake().pem == made.pem)
        #expect(try self.mode("account.pem") == 0o600)
        try self.write("rubbish", to: "account.pem")
        let error = try #require(throws: ACMEError.self) { try file.loadOrMake() }
        #expect(error.description.contains("account.pem"))
        #expect(try self.text("account.pem") == "rubbish")
    }

    @Test("the machine's resolvers are read, without what has no form here")
    func resolvers() {
        let text = "# made by hand\nnameserver 192.0.2.1\nsearch plane.test\nnameserver fe80::1%eth0\nnameserver\t2001:db8::1\n"
        #expect(SystemResolvers.read(text).map(\.description) == ["192.0.2.1:53", "[2001:db8::1]:53"])
    }
}
