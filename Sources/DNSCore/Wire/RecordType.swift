/// The type of a record or of a question (RFC 1035 §3.2.2 and the IANA registry).
package struct RecordType: RawRepresentable, Hashable, Sendable {
    package let rawValue: UInt16

    package init(rawValue: UInt16) {
        self.rawValue = rawValue
    }

    package static let a = RecordType(rawValue: 1)
    package static let ns = RecordType(rawValue: 2)
    package static let cname = RecordType(rawValue: 5)
    package static let soa = RecordType(rawValue: 6)
    package static let hinfo = RecordType(rawValue: 13)
    package static let mx = RecordType(rawValue: 15)
    package static let txt = RecordType(rawValue: 16)
    package static let aaaa = RecordType(rawValue: 28)
    /// Not a record, but the carrier of EDNS (RFC 6891 §6.1.1).
    package static let opt = RecordType(rawValue: 41)
    /// Incremental zone transfer (RFC 1995).
    package static let ixfr = RecordType(rawValue: 251)
    /// Zone transfer (RFC 5936).
    package static let axfr = RecordType(rawValue: 252)
    /// A question for all types (RFC 8482).
    package static let any = RecordType(rawValue: 255)
    /// Which certificate authorities may issue (RFC 8659).
    package static let caa = RecordType(rawValue: 257)

    /// Whether the type only occurs in questions, and in no record (RFC 6895 §3.1).
    package var isMeta: Bool { (128...255).contains(self.rawValue) || self == .opt }
}
