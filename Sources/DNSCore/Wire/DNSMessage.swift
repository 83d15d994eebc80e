/// A complete message as values. For the client, which reads an answer only once.
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
        /// In seconds; an OPT record uses the field in another way.
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

    /// The response code has twelve bits, the upper eight of which are in the OPT record.
    package var code: ResponseCode {
        let extended = self.additionals.first { $0.data.type == .opt }.map { UInt16($0.timeToLive >> 24) } ?? 0
        return ResponseCode(rawValue: extended << 4 | self.flags.rawValue & 0xF)
    }
}
