/// A whole message as values, for the client: it reads an answer once and looks at it.
package struct DNSMessage: Hashable, Sendable {
    package struct Question: Hashable, Sendable {
        package var name: DNSName
        package var type: RecordType
        package var recordClass: UInt16

        package init(_ name: DNSName, _ type: RecordType, recordClass: UInt16 = Query.internetClass) {
            self.name = name
            self.type = type
            self.recordClass = recordClass
        }
    }

    package struct Record: Hashable, Sendable {
        package var name: DNSName
        package var recordClass: UInt16
        /// Seconds; in an OPT record other things.
        package var timeToLive: UInt32
        package var data: RecordData

        package init(name: DNSName, recordClass: UInt16 = Query.internetClass, timeToLive: UInt32, data: RecordData) {
            self.name = name
            self.recordClass = recordClass
            self.timeToLive = timeToLive
            self.data = data
        }
    }

    package var id: UInt16
    package var flags: HeaderFlags
    package var questions: [Question] = []
    package var answers: [Record] = []
    package var authorities: [Record] = []
    package var additionals: [Record] = []

    /// Twelve bits of which EDNS holds the upper eight.
    package var code: ResponseCode {
        let extended = self.additionals.first { $0.data.type == .opt }.map { UInt16($0.timeToLive >> 24) } ?? 0
        return ResponseCode(rawValue: extended << 4 | self.flags.rawValue & 0xF)
    }
}
